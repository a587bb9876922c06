// For whom it fails, what breaks it, and the texts of errors.
function slicesSection() {
  const slices = E.slices;
  if (!slices) return null;
  const measure = w(`measure_${slices.measure}`);
  const rows = (list) => list.map((own) => [opener(name(sliceName(own)), `${sliceName(own)} (${number(own.rows)})`, own.ids), number(own.rows), score(own.value, 3), score(own.rest, 3),
    make('span', { class: own.difference > 0 ? 'worse' : 'nicer' }, signedShort(own.difference)), interval(own.low, own.high), own.q == null ? '–' : own.q < 0.001 ? '<.001' : score(own.q, 3)]);
  const columns = [[w('slice')], [w('rows'), 'n'], [measure, 'n'], [w('rest'), 'n'], [w('difference'), 'n'], [w('interval'), 'i'], ['q', 'n']];
  const none = !slices.established.length;
  return section('slices', w('slices'), w('slices_note', number(slices.tested), percent(slices.level)),
    make('article', { class: 'card' }, make('h3', {}, w('established')), none ? make('p', { class: 'quiet' }, w('none_established')) : table(columns, rows(slices.established), 12)),
    slices.closest.length ? make('details', { class: 'card fold' }, make('summary', {}, w('closest')), table(columns, rows(slices.closest), 5)) : null);
}

const signedShort = (value) => `${value < 0 ? '−' : '+'}${score(Math.abs(value), 3)}`;

function behaviourSection() {
  const found = E.behaviour;
  if (!found || !(found.tests.length || found.curves.length)) return null;
  const failing = (own) => own.required != null && own.high < own.required;
  const tests = [...found.tests].sort((a, b) => a.pass_rate - b.pass_rate);
  const rows = tests.map((own) => [examplesButton(own), w(`kind_${own.kind}`), number(own.count), meter(own), interval(own.low, own.high),
    own.required == null ? '' : tag(`≥ ${share(own.required)}`, failing(own) ? 'bad' : 'good')]);
  const curves = found.curves.map((own) => box(name(testName(own.name)), '', lineChart({
    title: testName(own.name), x: { name: w('noise'), format: (v) => percent(v) }, y: { name: own.metric },
    series: [{ name: own.metric, kind: 'part-test', points: own.points.map((p) => [p.share, p.score, p.low, p.high]) }],
  })));
  const skipped = (found.skipped || []).map((own) => [name(testName(own.name)), plainIn(make('span', dir), own.reason)]);
  return section('behaviour', w('behaviour'), w('behaviour_note'),
    rows.length ? make('article', { class: 'card' }, table([[w('test')], [w('kind')], [w('cases'), 'n'], [w('passed')], [w('interval'), 'i'], [w('required')]], rows, 15)) : null,
    curves.length ? grid(...curves) : null,
    skipped.length ? make('details', { class: 'card fold' }, make('summary', {}, w('skipped', skipped.length)), table([[w('test')], [w('reason')]], skipped, 30)) : null);
}

function meter(own) {
  const bar = make('i', { class: own.pass_rate < 0.8 ? 'meter bad' : 'meter' }, make('i'));
  bar.firstChild.style.transform = `scaleX(${own.pass_rate})`;
  return make('span', { class: 'passed' }, bar, share(own.pass_rate));
}

function examplesButton(own) {
  if (!own.examples || !own.examples.length) return name(testName(own.name));
  return make('button', { type: 'button', class: 'link', on: { click: () => openExamples(own) } }, name(testName(own.name)));
}

function openExamples(own) {
  const show = (value) => (value == null ? '–' : typeof value === 'object' ? JSON.stringify(value) : String(value));
  const items = own.examples.map((one) => make('li', {}, texts(one.text, one.changed),
    make('div', { class: 'under' }, plainIn(make('span', dir), one.changed == null ? `${w('expected')} ${show(one.expected)}` : show(one.before)), ' → ', plainIn(make('b', dir), show(one.after)))));
  const close = make('button', { type: 'button', class: 'close', 'aria-label': w('close'), on: { click: () => byId('panel').close() } }, '×');
  byId('panel').replaceChildren(make('header', {}, make('h2', dir, `${testName(own.name)}: ${w('failures', number(own.failed))}`), close), make('ul', { class: 'rows' }, ...items));
  byId('panel').showModal();
}

function flipsSection() {
  const { parent, baseline } = SUMMARY.comparison;
  const cards = [];
  for (const [own, title] of [[parent, parent && parent.commit && w('against_parent', parent.commit.slice(0, 7))], [baseline, baseline && baseline.name && w('against_baseline', baseline.name)]]) {
    const flips = own && own.flips;
    if (!flips || !flips.fixed) continue;
    cards.push(box(title, w('flips_counts', number(flips.fixed.count), number(flips.broken.count)), ...['fixed', 'broken'].map((kind) => flipList(kind, flips[kind]))));
  }
  return section('flips', w('flips'), w('flips_note'), cards.length ? grid(...cards) : null);
}

function flipList(kind, own) {
  if (!own.count) return null;
  const rows = own.rows.map((row) => [make('div', {}, texts(row.text, row.text_pair), make('div', { class: 'under' }, tag(w('label')), name(shownLabel(row.label)),
    change(row.before, row.after, false)))]);
  return make('details', {}, make('summary', {}, make('span', { class: kind === 'fixed' ? 'tag good' : 'tag bad' }, w(kind)), ` ${w('n_rows', number(own.count))}`),
    rows.length ? table([[w('texts_of', number(own.rows.length))]], rows, 8) : null);
}

function errorsSection() {
  const errors = E.errors;
  if (!errors) return null;
  const high = (errors.highest_loss || []).map((row) => [make('div', {}, texts(row.text, row.text_pair), make('div', { class: 'under' }, change(row.label, row.predicted, false), plainIn(make('small', dir), row.id))),
    row.probability == null ? '' : score(row.probability, 3), score(row.loss, 3)]);
  const suspected = (errors.suspected_labels || []).map((row) => [make('div', {}, texts(row.text), make('div', { class: 'under' }, change(row.label, row.suggested, false), plainIn(make('small', dir), row.id))), w(`part_${row.part}`), score(row.self_confidence, 3)]);
  const noise = (errors.noise || []).map((own) => [name(own.class), number(own.rows), number(own.suspected), share(own.share)]);
  const bins = (errors.bins || []).map((own) => [`${short(own.low)} – ${short(own.high)}`, number(own.rows), signedShort(own.bias), score(own.mae, 3)]);
  const cards = [
    high.length && make('article', { class: 'card span-all' }, make('h3', {}, w('highest_loss')), make('p', { class: 'quiet' }, w('highest_loss_note')), table([[w('text')], [w('p_predicted'), 'n'], [w('loss'), 'n']], high, 8)),
    suspected.length && make('article', { class: 'card span-all' }, make('h3', {}, w('suspected')), make('p', { class: 'quiet' }, w('suspected_note')), table([[w('text')], [w('part')], [w('probability'), 'n']], suspected, 8)),
    noise.length && box(w('noise_by_class'), w('noise_note'), table([[w('class')], [w('rows'), 'n'], [w('suspected_rows'), 'n'], [w('share'), 'n']], noise, 12)),
    bins.length && box(w('residuals'), w('residuals_note'), table([[w('range')], [w('rows'), 'n'], [w('bias'), 'n'], ['MAE', 'n']], bins, 20)),
  ].filter(Boolean);
  return section('errors', w('errors'), '', cards.length ? grid(...cards) : null);
}
