// The score, and whom it is compared with.
const E = SUMMARY.evaluation;
const METRIC = SUMMARY.metric;

function headlineSection() {
  const value = SUMMARY.metrics[METRIC];
  const own = (E.interval || {})[METRIC] || {};
  const big = make('article', { class: 'card big' },
    make('p', { class: 'quiet' }, w('score_of', METRIC, w(`of_${SUMMARY.judged}`))),
    make('p', { class: 'value' }, score(value), make('small', {}, interval(own.low, own.high))),
    make('p', { class: 'quiet' }, w('interval_note', percent(SUMMARY.comparison.level || 0.95), number(SUMMARY.rows.all))),
    make('ul', { class: 'verdicts' }, ...headlineVerdicts()));
  return section('headline', w('headline'), '', make('div', { class: 'headline' }, big, forest()), metricTable());
}

function headlineVerdicts() {
  const parent = SUMMARY.comparison.parent || {};
  const found = (E.comparisons || []).filter((one) => one.kind !== 'member' && one.verdict);
  const best = found.filter((one) => one.kind === 'baseline').sort((a, b) => a.difference - b.difference)[0];
  const lines = [];
  if (best) lines.push([w('against_baseline', best.name), best]);
  if (parent.verdict) lines.push([w('against_parent', parent.commit.slice(0, 7)), parent]);
  for (const one of found.filter((other) => other.kind === 'external')) lines.push([w('against', one.name), one]);
  const items = lines.map(([text, one]) => make('li', {}, verdictTag(one.verdict), plainIn(make('span', dir), text),
    make('small', { class: 'number' }, `${signed(one.difference)} ${interval(one.low, one.high)}`)));
  if (parent.reason) items.push(make('li', {}, make('small', {}, w('no_parent', parent.reason))));
  return items;
}

const signed = (value) => (value == null ? '–' : `${value < 0 ? '−' : '+'}${score(Math.abs(value), 4)}`);

// Each score as a dot on its interval: ensemble, members, baselines, others, people.
function forest() {
  const rows = forestRows();
  const known = rows.flatMap((row) => [row.value, row.low, row.high]).filter((v) => v != null);
  const [low, high] = padded(extent(known));
  const place = (value) => `${(100 * (value - low)) / (high - low)}%`;
  const items = rows.map((row) => {
    const track = make('div', { class: 'track', 'aria-hidden': 'true' });
    if (row.low != null && row.high != null) {
      const span = make('i', { class: 'span' });
      span.style.left = place(row.low);
      span.style.width = `${(100 * (row.high - row.low)) / (high - low)}%`;
      track.append(span);
    }
    if (row.value != null) {
      const dot = make('i', { class: 'point' });
      dot.style.left = place(row.value);
      track.append(dot);
    }
    return make('li', { class: `forest-row ${row.kind}` }, make('span', { class: 'who' }, name(row.name), row.title ? make('small', {}, row.title) : null),
      track, make('span', { class: 'number' }, score(row.value)), make('small', { class: 'number' }, interval(row.low, row.high)),
      make('span', { class: 'said' }, verdictTag(row.verdict)));
  });
  return make('article', { class: 'card' }, make('h3', {}, w('compared')), make('p', { class: 'quiet' }, w('compared_note')), make('ul', { class: 'forest' }, ...items));
}

function forestRows() {
  const verdicts = new Map((E.comparisons || []).map((one) => [`${one.kind} ${one.name}`, one.verdict]));
  const rows = [{ kind: 'ensemble', name: w('ensemble'), value: SUMMARY.metrics[METRIC], ...(E.interval || {})[METRIC] }];
  const members = Object.keys(E.members || {}).length > 1 ? E.members : {}; // one alone is the ensemble
  for (const [kind, group] of [['member', members], ['external', E.external], ['baseline', E.baselines]]) {
    for (const [key, own] of Object.entries(group || {})) {
      rows.push({ kind, name: key, title: w(own.bound ? 'is_bound' : `is_${kind}`), value: own[METRIC], low: own.low, high: own.high, verdict: verdicts.get(`${kind} ${key}`) });
    }
  }
  const people = E.ceiling || {};
  const alike = !people.labels || [...people.labels].sort().join('|') === [...SUMMARY.classes].sort().join('|');
  for (const [key, title] of alike ? [['one_person', 'one_person'], ['perfect', 'ceiling']] : []) {
    const own = (people[key] || {})[METRIC];
    if (own) rows.push({ kind: 'human', name: w(title), title: w('is_human'), ...own });
  }
  return rows;
}

function metricTable() {
  const rows = Object.entries(SUMMARY.metrics).map(([metric, value]) => {
    const own = (E.interval || {})[metric] || {};
    const reason = ((E.undefined || {})[SUMMARY.judged] || {})[metric];
    const valid = (E.valid || {})[metric];
    return [metric, score(value), reason ? make('small', {}, reason) : interval(own.low, own.high), score(valid)];
  });
  return make('details', { class: 'card fold' }, make('summary', {}, w('all_metrics', rows.length)),
    table([[w('metric')], [w(`of_${SUMMARY.judged}`), 'n'], [w('interval'), 'i'], [w('of_valid'), 'n']], rows, 100));
}
