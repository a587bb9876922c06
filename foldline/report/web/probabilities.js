// Can the probabilities be trusted, and when to answer.
function calibrationSection() {
  const calibration = E.calibration;
  const cards = [];
  if (calibration) {
    for (const part of ['out_of_fold', 'test'].filter((key) => calibration[key])) cards.push(reliabilityCard(part, calibration[part]));
    cards.push(calibratorsCard(calibration));
  }
  return section('calibration', w('calibration'), w('calibration_note'), cards.length ? grid(...cards) : null, conformalCard());
}

function reliabilityCard(part, own) {
  const points = own.bins.map((bin) => [bin.confidence, bin.accuracy, bin.low, bin.high]);
  const from = Math.max(0, Math.floor(10 * Math.min(1, ...points.flatMap((p) => [p[0], p[2] ?? p[1]]))) / 10);
  return box(w(`of_${part}`), w('reliability_note', number(points.length)), lineChart({
    title: `${w('calibration')}: ${w(`of_${part}`)}`, x: { name: w('confidence'), range: [from, 1] }, y: { name: w('accuracy'), range: [from, 1] },
    diagonal: true, series: [{ name: w('accuracy'), kind: part === 'test' ? 'part-test' : 'part-train', points }],
  }));
}

function calibratorsCard(calibration) {
  const parts = ['out_of_fold', 'test'].filter((key) => calibration[key]);
  const rows = parts.flatMap((part) => Object.entries(calibration[part].methods).map(([method, own]) => [
    w(`of_${part}`), make('span', {}, w(`method_${method}`), ' ', method === calibration.method ? tag(w('used'), 'good') : null), score(own.log_loss), score(own.brier), score(own.smooth_ece), score(own.ece_equal_mass)]));
  return make('article', { class: 'card span-all' }, make('h3', {}, w('before_after')), make('p', { class: 'quiet' }, w('before_after_note')),
    table([[w('part')], [w('method')], ['log loss', 'n'], ['Brier', 'n'], ['smooth ECE', 'n'], ['ECE', 'n']], rows, 20));
}

function conformalCard() {
  const own = E.conformal;
  if (!own) return null;
  const parts = ['out_of_fold', 'test', 'valid'].filter((key) => own[key]);
  const rows = parts.map((part) => [w(`of_${part}`), share(own[part].coverage), own.half_width != null ? `± ${short(own.half_width)}` : own[part].mean_size != null ? score(own[part].mean_size, 2) : '–']);
  return rows.length ? make('article', { class: 'card' }, make('h3', {}, w('conformal')), make('p', { class: 'quiet' }, w(own.half_width != null ? 'conformal_interval' : 'conformal_sets', percent(own.level || 0.95))),
    table([[w('part')], [w('coverage_of_labels'), 'n'], [w(own.half_width != null ? 'half_width' : 'set_size'), 'n']], rows)) : null;
}

function confidenceSection() {
  const cards = [...(E.confidence ? answerCards(E.confidence) : []), shiftCard(), costsCard(), ...scopeCards()].filter(Boolean);
  return section('confidence', w('answering'), w('answering_note'), cards.length ? grid(...cards) : null);
}

function answerCards(found) {
  const parts = ['out_of_fold', 'test'].filter((key) => found[key]);
  const series = parts.map((part) => ({ name: w(`of_${part}`), kind: part === 'test' ? 'part-test' : 'part-train', points: found[part].curve.map((p) => [p.coverage, p.risk]) }));
  const last = found[parts.at(-1)];
  const rows = Object.entries(last.thresholds).sort((a, b) => a[0] - b[0]).map(([wanted, own]) => [share(Number(wanted)), own.threshold == null ? w('never') : score(own.threshold, 3),
    share(own.coverage), own.accuracy == null ? '–' : share(own.accuracy), own.low == null ? '' : `[${share(own.low)}, ${share(own.high)}]`]);
  return [
    box(w('risk_coverage'), parts.map((part) => `${w(`of_${part}`)}: AURC ${score(found[part].aurc)}`).join(' · '), lineChart({
      title: w('risk_coverage'), x: { name: w('coverage'), range: [0, 1], format: (v) => percent(v) }, y: { name: w('risk') }, series, format: percent,
    })),
    box(w('thresholds'), w('thresholds_note'), table([[w('wanted_accuracy'), 'n'], [w('threshold'), 'n'], [w('coverage'), 'n'], [w('accuracy'), 'n'], [w('interval'), 'i']], rows)),
  ];
}

function shiftCard() {
  const shift = E.prior_shift;
  if (!shift || !shift.predict) return null;
  const rows = Object.entries(shift.predict).map(([label, own]) => [name(label), share((shift.train || {})[label]), share(own.share), `[${share(own.low)}, ${share(own.high)}]`]);
  return box(w('prior_shift'), w(shift.established ? 'shift_established' : 'shift_not_established'), table([[w('class')], [w('train'), 'n'], [w('to_predict'), 'n'], [w('interval'), 'i']], rows, 12));
}

function costsCard() {
  const parts = Object.entries(E.costs || {});
  if (!parts.length) return null;
  const rows = parts.map(([part, own]) => [w(`of_${part}`), score(own.mean_cost), signedShort(own.difference), interval(own.low, own.high)]);
  return box(w('costs'), w('costs_note'), table([[w('part')], [w('mean_cost'), 'n'], [w('change'), 'n'], [w('interval'), 'i']], rows));
}

function scopeCards() {
  const scope = E.in_scope || {};
  return ['test', 'predict'].filter((part) => scope[part] && scope[part].rows).map((part) => {
    const own = scope[part];
    const rows = own.least_alike.map((row) => [make('div', {}, texts(row.text), make('div', { class: 'under' }, plainIn(make('small', dir), row.id))), score(row.in_scope_p, 3)]);
    return box(`${w('scope')}: ${w(`of_${part}`)}`, w('scope_note', number(own.out_of_scope), number(own.rows)), rows.length ? table([[w('text')], ['p', 'n']], rows, 5) : null);
  });
}
