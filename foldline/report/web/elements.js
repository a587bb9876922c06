// What the sections are made of.
const score = (value, digits = 4) => (value == null ? '–' : value.toFixed(digits).replace(/^(-?)0\./, '$1.'));
const interval = (low, high) => (low == null || high == null ? '' : `[${score(low, 3)}, ${score(high, 3)}]`);
const share = (value) => (value == null ? '–' : `${number(100 * value, 1)}%`);
const dir = { dir: 'auto' };
const name = (text) => plainIn(make('span', { class: 'name', ...dir }), String(text));

function section(id, title, note, ...children) {
  const kept = children.filter((child) => child != null);
  if (!kept.length) return null;
  return make('section', { id, 'aria-labelledby': `${id}-title` },
    make('h2', { id: `${id}-title`, tabindex: -1 }, title), note ? make('p', { class: 'quiet' }, note) : null, ...kept);
}

function box(title, note, ...children) {
  return make('article', { class: 'card' }, title ? make('h3', {}, title) : null, note ? make('p', { class: 'quiet' }, note) : null, ...children);
}

const grid = (...children) => make('div', { class: 'cards' }, ...children);

// `columns` are [title, kind]; a cell is a text, an element, or null. Kind `n` is a number.
function table(columns, rows, most = 12) {
  const line = (cells) => make('tr', {}, ...cells.map((cell, at) => make('td', { class: columns[at][1] || null }, cell ?? '')));
  const body = make('tbody', {}, ...rows.slice(0, most).map(line));
  const whole = make('div', { class: 'scroll wide' }, make('table', {},
    make('thead', {}, make('tr', {}, ...columns.map(([title, kind]) => make('th', { scope: 'col', class: kind || null }, title)))), body));
  if (rows.length <= most) return whole;
  const more = make('button', { type: 'button', class: 'more' }, w('show_all', rows.length));
  more.addEventListener('click', () => {
    body.append(...rows.slice(most).map(line));
    more.remove();
  });
  return make('div', {}, whole, more);
}

function tag(text, kind = '') {
  return plainIn(make('span', { class: `tag ${kind}` }), text);
}

const VERDICTS = { better: 'good', worse: 'bad', 'not distinguishable': '' };
const verdictTag = (verdict) => (verdict == null ? null : tag(w(`verdict_${verdict.replace(' ', '_')}`), VERDICTS[verdict]));

// A text, or a pair of texts, never as markup.
function texts(...all) {
  return make('div', { class: 'texts' }, ...all.filter((text) => text)
    .map((text, at) => plainIn(make('p', { class: at ? 'second' : null, ...dir }), text)));
}

// `label → predicted`.
function change(label, predicted, right = label === predicted) {
  return make('span', { class: 'change' }, name(shownLabel(label)), right ? ' ✓' : make('span', {}, ' → ', plainIn(make('b', dir), String(shownLabel(predicted)))));
}

function shownLabel(label) {
  if (SUMMARY.task === 'multilabel') return String(label).split('|').join(', ') || w('no_label');
  return SUMMARY.task === 'regression' ? short(Number(label)) : String(label);
}

// The panel with rows: a dialog, so that Esc closes it and the focus returns.
const STEP = 60;
function openPanel(title, rows, count = rows.length) {
  const list = make('ul', { class: 'rows' });
  const more = make('button', { type: 'button', class: 'more' });
  let shown = 0;
  const grow = () => {
    list.append(...rows.slice(shown, shown + STEP).map(rowItem));
    shown = Math.min(rows.length, shown + STEP);
    more.hidden = shown === rows.length;
    more.textContent = w('show_more', rows.length - shown);
  };
  more.addEventListener('click', grow);
  grow();
  const close = make('button', { type: 'button', class: 'close', 'aria-label': w('close'), on: { click: () => byId('panel').close() } }, '×');
  const note = rows.length === 0 ? w('no_texts') : rows.length < count ? w('some_texts', number(rows.length), number(count)) : '';
  byId('panel').replaceChildren(make('header', {}, make('h2', dir, title), close), make('p', { class: 'quiet' }, note), list, more);
  byId('panel').showModal();
  byId('panel').scrollTop = 0;
}

function rowItem(row) {
  return make('li', {}, texts(D.text[row], D.pair && D.pair[row]), make('div', { class: 'under' }, change(D.label[row], D.predicted[row]),
    D.confidence ? make('small', { class: 'number' }, `p ${score(D.confidence[row], 3)}`) : null, plainIn(make('small', dir), D.id[row])));
}

const rowsWhere = (test) => D.id.map((_, row) => row).filter(test);
const rowsOf = (ids) => (ids || []).map((id) => D.place.get(id)).filter((row) => row != null);

// A button that opens the rows of a list of ids; only text where the page has none of them.
function opener(label, title, ids) {
  const rows = rowsOf(ids);
  if (!rows.length) return label;
  return make('button', { type: 'button', class: 'link', on: { click: () => openPanel(title, rows) } }, label);
}
