// What was run, how it learnt, what the data are like, and what it costs.
function runSection() {
  const run = SUMMARY.run;
  const shown = (value) => (value == null ? '–' : typeof value === 'object' ? JSON.stringify(value) : String(value));
  const cell = (value) => plainIn(make('span', dir), shown(value));
  const changes = run.changes.map(([key, before, now]) => [make('code', {}, key), cell(before), cell(now)]);
  const params = Object.entries(run.params).map(([key, value]) => [make('code', {}, key), cell(value)]);
  const environment = run.environment || {};
  const packages = Object.entries(environment.packages || {}).filter(([, version]) => version);
  return section('run', w('run'), w('run_note', run.commit || '–', run.experiment),
    grid(
      box(w('changes'), changes.length ? w('changes_note') : w('no_changes'), changes.length ? table([[w('key')], [w('before')], [w('now')]], changes, 20) : null),
      box(w('main_params'), '', table([[w('key')], [w('value')]], params, 20)),
      box(w('data_files'), '', table([[w('file')], ['MD5']], run.files.map(([path, md5]) => [name(path), make('code', {}, md5.slice(0, 12))]), 8)),
      box(w('environment'), [environment.python && `Python ${environment.python}`, environment.processor, environment.accelerator].filter(Boolean).join(' · '),
        packages.length ? make('details', {}, make('summary', {}, w('packages', packages.length)), table([[w('package')], [w('version')]], packages, 40)) : null),
    ));
}

function trainingSection() {
  const { curves, folds } = SUMMARY.training;
  const cards = [];
  if (curves.step) {
    const points = (key) => curves.step.map((step, at) => [step, curves[key][at]]);
    cards.push(box(w('loss'), w('loss_note'), lineChart({
      title: w('loss'), x: { name: w('step'), format: (v) => number(v) }, y: { name: w('loss') },
      series: [{ name: w('train_loss'), kind: 'part-train', points: points('loss') }, { name: w('valid_loss'), kind: 'part-valid', points: points('valid_loss') }],
    })));
    cards.push(box(METRIC, w('valid_metric_note'), lineChart({
      title: METRIC, x: { name: w('step'), format: (v) => number(v) }, y: { name: METRIC },
      series: [{ name: METRIC, kind: 'part-valid', points: points('valid_metric') }],
    })));
  }
  const members = Object.entries(folds || {}).filter(([, own]) => own.scores.length);
  if (members.length) {
    const rows = members.map(([member, own]) => {
      const mean = own.scores.reduce((a, b) => a + b, 0) / own.scores.length;
      return [name(member), score(mean), own.scores.map((v) => score(v, 3)).join('  '), own.verdict ? make('small', {}, own.verdict) : ''];
    });
    cards.push(make('article', { class: 'card span-all' }, make('h3', {}, w('folds')), make('p', { class: 'quiet' }, w('folds_note', METRIC)),
      table([[w('member')], [w('mean'), 'n'], [w('each_fold')], [w('verdict')]], rows, 20)));
  }
  return section('training', w('training'), '', cards.length ? grid(...cards) : null);
}

function qualitySection() {
  const { prepare, split, notes } = SUMMARY.quality;
  const counted = (from, keys) => keys.filter((key) => from[key] != null).map((key) => [w(`q_${key}`), number(from[key], Number.isInteger(from[key]) ? 0 : 3)]);
  const first = counted(prepare, ['rows', 'unlabelled', 'classes', 'dropped_empty', 'duplicate_rows', 'grouped_rows', 'conflicting_rows', 'changed_texts']);
  const second = counted(split, ['train', 'valid', 'test', 'groups', 'crossing_valid', 'crossing_test', 'leak_share_valid', 'leak_share_test', 'visible_test']);
  if (!first.length && !second.length) return null;
  const list = notes.length ? make('article', { class: 'card span-all' }, make('h3', {}, w('notes')),
    make('ul', { class: 'notes' }, ...notes.map((note) => plainIn(make('li', dir), note)))) : null;
  return section('quality', w('quality'), w('quality_note'), grid(
    box(w('prepared'), '', table([[w('count_of')], [w('rows'), 'n']], first, 20)),
    box(w('split'), w('split_note'), table([[w('count_of')], [w('rows'), 'n']], second, 20)), list));
}

function costSection() {
  const members = (SUMMARY.cost || {}).members;
  if (!members || !members.length) return null;
  const ms = (value) => (value == null ? '–' : number(value, value < 10 ? 2 : 0));
  const latency = (own, size) => (own.latency_ms && own.latency_ms[size] ? `${ms(own.latency_ms[size].p50)} / ${ms(own.latency_ms[size].p95)}` : '–');
  const rows = members.map((own) => [name(own.name), score(own.score), latency(own, '1'), latency(own, '32'), own.rows_per_second == null ? '–' : number(own.rows_per_second),
    own.parameters == null ? '–' : number(own.parameters), ms(own.disk_mb), ms(own.peak_memory_mb), own.equal ? make('span', {}, ...sameness(own.equal)) : '']);
  return section('cost', w('cost'), w('cost_note'), make('article', { class: 'card' }, table([[w('member')], [METRIC, 'n'], [w('latency', 1), 'n'], [w('latency', 32), 'n'],
    [w('per_second'), 'n'], [w('parameters'), 'n'], [w('disk'), 'n'], [w('memory'), 'n'], [w('same_predictions')]], rows, 20)));
}

const sameness = (equal) => ['batch', 'reload'].filter((key) => equal[key] != null)
  .map((key) => tag(w(`same_${key}`), equal[key] ? 'good' : 'bad'));
