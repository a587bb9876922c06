// The charts, from numbers that were counted over all rows.
const P = SUMMARY.charts;
const short = (value) => String(+value.toFixed(2));
const partOf = (name) => name || 'left';

function buildCharts() {
  byId('charts').replaceChildren(...[
    P.classes && classesCard(),
    P.values && histogramCard(P.values, w('values_title'), w('values_note'), short),
    histogramCard(P.lengths, w('lengths_title'), w('lengths_note', number(P.longest)), (v) => number(v)),
    P.times && histogramCard(P.times, w('times_title'), w('times_note'), timeName, true),
    P.confidence && confidenceCard(),
    P.duplicates && duplicatesCard(),
    P.copies && P.copies.classes && copiesCard(),
    P.similarity && similarityCard(),
  ].filter(Boolean));
}

function meterRow(name, lines) {
  return make('li', {}, name, make('div', { class: 'meters' }, ...lines.map(([kind, share, text]) => {
    const meter = make('i', { class: `meter ${kind}` }, make('i'));
    meter.firstChild.style.transform = `scaleX(${share})`;
    return make('span', {}, meter, ...text.map((one) => make('small', {}, one)));
  })));
}

// One width of names in all rows: that of the longest, within bounds (em; Hangul is square).
function namedRows(names, rows) {
  const width = (name) => [...name].reduce((sum, one) => sum + (one > '\u1100' ? 1 : 0.58), 2.6);
  const list = make('ul', { class: 'meter-rows' }, ...rows);
  list.style.setProperty('--names', `${Math.max(5, ...names.map(width)).toFixed(1)}em`);
  return list;
}

function partSeries(columns) {
  return P.parts.map((part, at) => ({
    name: w(partOf(part)), kind: `part-${partOf(part)}`, counts: columns[at], values: shares(columns[at]),
  }));
}

function classesCard() {
  const names = Object.keys(P.classes);
  const series = partSeries(P.parts.map((_, at) => names.map((name) => P.classes[name][at])));
  const most = Math.max(...series.flatMap((one) => one.values)) || 1;
  const rows = names.map((name, at) => meterRow(
    make('button', { type: 'button', class: 'name', on: { click: () => showClass(name) } },
      swatch(D.bins.indexOf(name)), plainIn(make('span', { dir: 'auto' }), name)),
    series.map((one) => [one.kind, one.values[at] / most, [percent(one.values[at]), number(one.counts[at])]]),
  ));
  return card(w('classes_title'), w('classes_note'), legend(series), namedRows(names, rows));
}

function showClass(name) {
  clearFilters();
  state.label.add(name);
  refresh();
  openTab('rows');
  byId('grid').focus();
}

function histogramCard(data, title, note, format, dates = false) {
  const series = partSeries(data.counts).filter((one) => one.counts.some((count) => count));
  const top = Math.max(...series.flatMap((one) => one.values)) || 1;
  const ticks = dates && D.dated
    ? [0, 0.5, 1].map((place) => {
      const day = data.edges[0] + place * (data.edges.at(-1) - data.edges[0]);
      return [place, timeName(Math.floor(day / 86400) * 86400)];
    })
    : axis(data.edges, data.whole, format);
  const svg = frame(title, top, ticks);
  areas(svg, series, top);
  const edge = (value) => format(dates && D.dated ? Math.floor(value / 86400) * 86400 : value);
  const names = data.edges.slice(1).map((high, at) => (data.whole
    ? format((data.edges[at] + high) / 2) : `${edge(data.edges[at])} – ${edge(high)}`));
  const texts = series.map((one) => one.counts.map((count, at) => `${number(count)} (${percent(one.values[at])})`));
  return card(title, note, legend(series), svg, readable(svg, names, series, texts), numbers(w('from_to'), names, series, texts));
}

function confidenceCard() {
  const { edges, counts } = P.confidence;
  const all = counts.flat().reduce((a, b) => a + b, 0) || 1;
  const series = ['other_rows', 'suspected'].map((key, at) => ({
    name: w(key), kind: at ? 'bad' : 'calm', counts: counts[at], values: counts[at].map((count) => count / all),
  }));
  const top = Math.max(...series[0].values.map((value, at) => value + series[1].values[at])) || 1;
  const title = w(regression ? 'residual_title' : 'confidence_title');
  const format = short;
  const svg = frame(title, top, axis(edges, false, format));
  bars(svg, series, top, true);
  const names = edges.slice(1).map((high, at) => `${format(edges[at])} – ${format(high)}`);
  const texts = series.map((one) => one.counts.map((count) => number(count)));
  return card(title, w(regression ? 'residual_note' : 'confidence_note'), legend(series), svg,
    readable(svg, names, series, texts), numbers(w('from_to'), names, series, texts));
}

function duplicatesCard() {
  const { upper, rows, duplicates, conflicts } = P.duplicates;
  const names = rows.map((_, at) => (at < upper.length ? `${at ? upper[at - 1] + 1 : 0} – ${upper[at]}` : `${upper.at(-1) + 1} –`));
  const series = [['duplicate', 'calm', duplicates], ['conflict', 'bad', conflicts]].map(([key, kind, counts]) => ({
    name: w(key), kind, counts, values: counts.map((count, at) => (rows[at] ? count / rows[at] : 0)),
  })).filter((one) => one.counts.some((count) => count));
  const top = Math.max(...series.flatMap((one) => one.values)) || 1;
  const svg = frame(w('duplicates_title'), top, names.map((_, at) => [(at + 0.5) / names.length, at < upper.length ? `≤${upper[at]}` : `>${upper.at(-1)}`]));
  bars(svg, series, top, false);
  const texts = series.map((one) => one.counts.map((count, at) => `${number(count)} / ${number(rows[at])} (${percent(one.values[at])})`));
  return card(w('duplicates_title'), w('duplicates_note'), legend(series), svg,
    readable(svg, names, series, texts), numbers(w('length'), names, series, texts));
}

function copiesCard() {
  const names = Object.keys(P.copies.classes);
  const series = ['kept', 'made', 'out'].map((key, at) => ({ name: w(key), kind: `balance-${key}`, at }))
    .filter((one) => names.some((name) => P.copies.classes[name][one.at]));
  const most = Math.max(1, ...names.map((name) => P.copies.classes[name].reduce((a, b) => a + b, 0)));
  const rows = names.map((name) => {
    const bar = make('div', { class: 'stack' }, ...series.map((one) => {
      const piece = make('i', { class: one.kind });
      piece.style.width = `${(100 * P.copies.classes[name][one.at]) / most}%`;
      return piece;
    }));
    const text = series.map((one) => number(P.copies.classes[name][one.at])).join(' + ');
    return make('li', {}, make('span', { class: 'name' }, swatch(D.bins.indexOf(name)), plainIn(make('span', { dir: 'auto' }), name)),
      make('div', { class: 'meters' }, bar, make('small', {}, text)));
  });
  const methods = Object.entries(P.copies.methods).map(([name, count]) => `${name} ${number(count)}`).join(' · ');
  return card(w('copies_title'), w('copies_note'), legend(series), namedRows(names, rows),
    make('p', { class: 'quiet' }, methods));
}

function similarityCard() {
  return card(w('similarity_title'), w('similarity_note'), make('ul', {}, ...P.similarity.map(pairOfParts)));
}

function pairOfParts(one) {
  const verdict = one.auc == null ? w('not_tried')
    : `AUC ${one.auc.toFixed(2)} · p ${one.p.toFixed(3)} · ${w(one.differs ? 'sure' : 'unsure')}`;
  const scale = make('div', { class: 'scale', 'aria-hidden': 'true' });
  if (one.auc != null) {
    const dot = make('i', { class: one.differs ? 'dot bad' : 'dot' });
    dot.style.left = `${100 * one.auc}%`;
    scale.append(make('i', { class: 'chance' }), dot, make('small', {}, '0'), make('small', {}, '.5'), make('small', {}, '1'));
  }
  const rest = [['label_gap', one.labels], ['length_gap', one.lengths], ['unseen', one.unseen]]
    .filter(([, value]) => value != null).map(([key, value]) => `${w(key)} ${percent(value)}`).join(' · ');
  const tokens = one.tokens.map(([token, part, ...share]) => plainIn(make('span', {
    class: `tag part part-${part}`, dir: 'auto', title: one.parts.map((name, at) => `${w(name)} ${percent(share[at])}`).join(', '),
  }), token));
  return make('li', { class: 'comparison' }, make('b', {}, one.parts.map((part) => w(part)).join(' – ')),
    make('span', { class: one.differs ? 'verdict bad' : 'verdict' }, verdict), one.auc == null ? null : scale,
    make('p', { class: 'quiet' }, rest),
    one.differs ? make('p', { class: 'tags' }, make('small', {}, w('features')), ...tokens) : null);
}
