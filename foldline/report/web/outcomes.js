// Which labels met which predictions; each cell opens its texts.
const O = SUMMARY.outcomes;

function outcomesSection() {
  if (SUMMARY.task === 'multilabel') {
    return section('outcomes', w('outcomes'), w('outcomes_note'), grid(decisionsCard(), classesCard()));
  }
  const matrix = make('article', { class: O.names.length > 7 ? 'card span-all' : 'card' }, make('h3', {}, w(SUMMARY.task === 'regression' ? 'ranges' : 'matrix')),
    make('p', { class: 'quiet' }, w('matrix_note')), confusionMatrix());
  return section('outcomes', w('outcomes'), w('outcomes_note'), grid(matrix, confusionsCard(), classesCard()));
}

// The rows of a cell: by names of classes, or by ranges of numbers.
function rowsOfCell(label, predicted) {
  if (!O.edges) {
    return rowsWhere((row) => D.label[row] === O.names[label] && D.predicted[row] === O.names[predicted])
      .sort((a, b) => D.confidence[b] - D.confidence[a]); // the surest first
  }
  return rowsWhere((row) => rangeOf(D.label[row]) === label && rangeOf(D.predicted[row]) === predicted);
}

function rangeOf(value) {
  let at = 0;
  while (at < O.names.length - 1 && value >= O.edges[at + 1]) at += 1;
  return at;
}

const cellTitle = (label, predicted) => `${O.names[label]} → ${O.names[predicted]}`;

function confusionMatrix() {
  const size = O.names.length;
  const counts = new Map(O.cells.map(([label, predicted, count]) => [label * size + predicted, count]));
  const totals = O.names.map((_, label) => O.names.reduce((sum, __, predicted) => sum + (counts.get(label * size + predicted) || 0), 0));
  const readout = make('p', { class: 'readout', 'aria-live': 'polite' }, w('matrix_hint'));
  const tell = (label, predicted, count) => {
    readout.replaceChildren(plainIn(make('b', dir), cellTitle(label, predicted)), ` · ${w('n_rows', number(count))} (${percent(count / totals[label])} ${w('of_label')})`);
  };
  const cellOf = (label, predicted) => {
    const count = counts.get(label * size + predicted);
    if (!count) return make('td');
    const kind = label === predicted ? 'right' : O.edges ? 'near' : 'wrong';
    const button = make('button', { type: 'button', tabindex: -1, 'aria-label': `${cellTitle(label, predicted)}: ${count}`,
      on: { click: () => openPanel(`${cellTitle(label, predicted)} (${number(count)})`, rowsOfCell(label, predicted), count),
        pointerenter: () => tell(label, predicted, count), focus: () => tell(label, predicted, count) } }, size <= 20 ? number(count) : '');
    button.style.setProperty('--share', Math.sqrt(count / totals[label]).toFixed(3));
    return make('td', { class: kind }, button);
  };
  const head = make('tr', {}, make('th', { class: 'corner' }, w('label_down')), ...O.names.map((title) => make('th', { scope: 'col' }, plainIn(make('span', dir), title))));
  const body = O.names.map((title, label) => make('tr', {}, plainIn(make('th', { scope: 'row', ...dir }), title), ...O.names.map((_, predicted) => cellOf(label, predicted))));
  const kind = size > 30 ? 'tiny' : size > 12 ? 'small' : 'large';
  const matrix = make('table', { class: `matrix ${kind}`, 'aria-label': w('matrix') }, make('thead', {}, head), make('tbody', {}, ...body));
  walkable(matrix, size);
  return make('div', {}, make('div', { class: 'scroll wide matrix-frame', tabindex: -1 }, matrix), readout);
}

// One tab stop; arrow keys walk to the next cell that has rows.
function walkable(matrix, size) {
  const buttons = [...matrix.querySelectorAll('button')];
  if (!buttons.length) return;
  const places = new Map(buttons.map((button) => [button, [button.parentElement.parentElement.rowIndex, button.parentElement.cellIndex]]));
  const at = new Map(buttons.map((button) => [places.get(button).join(), button]));
  let current = buttons[0];
  const enter = (button) => {
    current.tabIndex = -1;
    current = button;
    button.tabIndex = 0;
  };
  enter(current);
  matrix.addEventListener('focusin', (event) => { if (places.has(event.target)) enter(event.target); });
  matrix.addEventListener('keydown', (event) => {
    const step = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 0], ArrowUp: [-1, 0] }[event.key];
    if (!step || !places.has(event.target)) return;
    let [row, column] = places.get(event.target);
    for (let tries = 0; tries < size; tries += 1) {
      row += step[0];
      column += step[1];
      const next = at.get([row, column].join());
      if (next) {
        next.focus();
        break;
      }
    }
    event.preventDefault();
  });
}

function confusionsCard() {
  if (O.edges) return null;
  const off = O.cells.filter(([label, predicted]) => label !== predicted).sort((a, b) => b[2] - a[2]);
  if (!off.length) return null;
  const words = new Map(((E.errors || {}).words || []).map((one) => [`${one.label} ${one.predicted}`, one.words]));
  const rows = off.slice(0, 40).map(([label, predicted, count]) => {
    const driving = words.get(`${O.names[label]} ${O.names[predicted]}`) || [];
    return [make('button', { type: 'button', class: 'link', on: { click: () => openPanel(`${cellTitle(label, predicted)} (${number(count)})`, rowsOfCell(label, predicted), count) } }, change(O.names[label], O.names[predicted])),
      number(count), make('span', { class: 'tags' }, ...driving.slice(0, 5).map((one) => tag(one.word)))];
  });
  return box(w('confusions'), words.size ? w('confusions_words') : '', table([[w('confusion')], [w('rows'), 'n'], words.size ? [w('words')] : ['']], rows, 10));
}

function decisionsCard() {
  const open = (key, at, test) => {
    const count = O.decisions[at][key];
    const title = `${O.names[at]}: ${w(['right', 'extra', 'missed'][key])} (${number(count)})`;
    return count ? make('button', { type: 'button', class: 'link', on: { click: () => openPanel(title, rowsWhere(test), count) } }, number(count)) : '0';
  };
  const has = (text, label) => text.split('|').includes(label);
  const rows = O.names.map((label, at) => [name(label),
    open(0, at, (row) => has(D.label[row], label) && has(D.predicted[row], label)),
    open(1, at, (row) => !has(D.label[row], label) && has(D.predicted[row], label)),
    open(2, at, (row) => has(D.label[row], label) && !has(D.predicted[row], label))]);
  return box(w('decisions'), w('matrix_note'), table([[w('label')], [w('right'), 'n'], [w('extra'), 'n'], [w('missed'), 'n']], rows, 30));
}

function classesCard() {
  const classes = E.classes || [];
  if (!classes.length) return null;
  const rows = [...classes].sort((a, b) => (a.f1 ?? -1) - (b.f1 ?? -1))
    .map((own) => [name(own.class), number(own.support), score(own.precision, 3), score(own.recall, 3), score(own.f1, 3)]);
  return box(w('by_class'), w('by_class_note'), table([[w('class')], [w('rows'), 'n'], ['precision', 'n'], ['recall', 'n'], ['F1', 'n']], rows, 12));
}
