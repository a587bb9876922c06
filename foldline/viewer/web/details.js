// The details of one row: its full texts, duplicates, copies and annotations.
const MEMBERS = 50; // listed of a group

function showDetails() {
  const panel = byId('details');
  const row = state.row == null ? undefined : D.place.get(state.row);
  panel.hidden = !state.open || row === undefined;
  if (panel.hidden) return;
  const parts = [heading, tags, fullTexts, suspicion, judgements, copies, group, otherColumns];
  panel.replaceChildren(...parts.map((part) => part(row)).filter(Boolean));
  panel.scrollTop = 0;
}

function section(title, ...children) {
  return make('section', {}, make('h3', {}, title), ...children);
}

function heading(row) {
  const button = (key, sign, act) => make('button', {
    type: 'button', 'aria-label': w(key), title: w(key), class: key, on: { click: act } }, sign);
  return make('header', {}, plainIn(make('h2', { dir: 'auto' }), D.id[row]),
    button('previous', '↑', () => move(-1)), button('next', '↓', () => move(1)),
    button('close', '×', closeDetails));
}

function tags(row) {
  const list = make('p', { class: 'tags' }, labelCell(row), partCell(row));
  const add = (text, kind = '') => list.append(plainIn(make('span', { class: `tag ${kind}` }), text));
  if (D.fold[row] >= 0) add(`${w('fold')} ${D.fold[row]}`);
  add(w('characters', number(D.length[row])));
  if (D.time && D.time[row] != null) add(timeName(D.time[row]));
  if (D.group && D.group[row]) add(`${w('group')} ${D.group[row]}`);
  if (D.flags[row] & BIT.unsampled) add(w('unsampled'), 'bad');
  return list;
}

function fullTexts(row) {
  const query = folded(state.q);
  const box = (text) => put(make('p', { class: 'full', dir: 'auto', tabindex: '0' }), text, query);
  const texts = make('div', {}, box(D.text[row]));
  if (D.pair) texts.append(section(w('second'), box(D.pair[row])));
  for (const at of D.originalOf.get(row) || []) {
    const sides = [[D.text[row], D.originals.text[at]]];
    if (D.pair) sides.push([D.pair[row], D.originals.pair[at]]);
    const changed = sides.filter(([now, old]) => now !== old);
    texts.append(section(w('original'), ...changed.map(([now, old]) => putDiff(
      make('p', { class: 'full old', dir: 'auto' }), diff(now, old)[1], 'del'))));
  }
  return texts;
}

function suspicion(row) {
  if (PARTS[D.part[row]] === 'test') return make('p', { class: 'quiet' }, w('test_note'));
  if (D.confidence[row] == null) return null;
  const suspected = D.flags[row] & BIT.suspected;
  const guess = guessName(row, 3);
  const lines = regression
    ? [[w('given'), labelName(row), null], [w('guess'), guess, null], [w('residual'), number(-D.confidence[row], 3), null]]
    : [[w('given'), labelName(row), D.confidence[row]], [w('guess'), guess, D.guess_p[row]]];
  const table = make('table', { class: 'guess' }, make('tbody', {}, ...lines.map(([name, value, p]) => {
    const meter = make('i', { class: 'meter' }, make('i'));
    if (p != null) meter.firstChild.style.transform = `scaleX(${p})`;
    return make('tr', {}, make('th', { scope: 'row' }, name), plainIn(make('td', { dir: 'auto' }), value),
      make('td', {}, p == null ? null : meter), make('td', { class: 'number' }, p == null ? '' : p.toFixed(3)));
  })));
  return section(w('model'), table, suspected ? make('p', { class: 'warning' }, w('suspect_note')) : null);
}

function judgements(row) {
  const list = D.judgementsOf.get(row);
  if (!list) return null;
  const { annotators, annotator, label } = D.judgements;
  const counts = new Map();
  for (const at of list) counts.set(label[at], [...(counts.get(label[at]) || []), annotators[annotator[at]]]);
  const most = [...counts].sort((a, b) => b[1].length - a[1].length);
  return section(w('judged', list.length), make('ul', { class: 'judged' }, ...most.map(([name, people]) => {
    const bar = make('i', { class: 'meter' }, make('i'));
    bar.firstChild.style.transform = `scaleX(${people.length / list.length})`;
    return make('li', {}, plainIn(make('b', { dir: 'auto' }), name), bar, String(people.length),
      plainIn(make('small', { dir: 'auto' }), people.join(', ')));
  })));
}

function copies(row) {
  const list = D.copiesOf.get(row);
  if (!list) return null;
  const pair = (before, after) => {
    const [removed, added] = diff(before, after);
    return make('div', { class: 'beside' },
      putDiff(make('p', { class: 'full', dir: 'auto' }), removed, 'del'),
      putDiff(make('p', { class: 'full', dir: 'auto' }), added, 'ins'));
  };
  return section(w('copies', list.length), ...list.map((copy) => make('div', { class: 'copy' },
    make('div', { class: 'beside names' }, make('small', {}, w('source')),
      make('small', {}, D.copies.methods[D.copies.method[copy]])),
    pair(D.text[row], D.copies.text[copy]),
    D.pair ? pair(D.pair[row], D.copies.pair[copy]) : null)));
}

function group(row) {
  if (D.dup[row] < 0) return null;
  const all = D.members.get(D.dup[row]);
  const others = all.filter((other) => other !== row);
  const list = make('ul', { class: 'members' }, ...others.slice(0, MEMBERS).map((other) => {
    const differs = D.label[other] !== D.label[row] && (!regression || D.flags[row] & D.flags[other] & BIT.conflict);
    return make('li', {}, make('button', { type: 'button', on: { click: () => jump(other) } },
      plainIn(make('span', { class: 'line', dir: 'auto' }), line(D.text[other])),
      D.pair ? plainIn(make('span', { class: 'line second', dir: 'auto' }), line(D.pair[other])) : null,
      make('span', { class: differs ? 'under differs' : 'under' }, labelCell(other), partCell(other), plainIn(make('small'), D.id[other]))));
  }));
  const rest = others.length - MEMBERS;
  return section(w('same', all.length), D.flags[row] & BIT.conflict ? make('p', { class: 'warning' }, w('same_note')) : null,
    list, rest > 0 ? make('p', { class: 'quiet' }, w('more', number(rest))) : null);
}

// The file's columns that have no role in training.
function otherColumns(row) {
  const lines = Object.entries(D.columns).filter(([, values]) => values[row]);
  if (!lines.length) return null;
  return section(w('columns'), make('table', { class: 'guess columns' }, make('tbody', {}, ...lines.map(([name, values]) =>
    make('tr', {}, plainIn(make('th', { scope: 'row', dir: 'auto' }), name), plainIn(make('td', { dir: 'auto' }), values[row]))))),
  D.more_columns ? make('p', { class: 'quiet' }, w('more', number(D.more_columns))) : null);
}

// Show another row; filters that would hide it are cleared.
function jump(row) {
  state.row = D.id[row];
  if (!shown.includes(row)) clearFilters();
  refresh();
  byId('details').focus();
}

function openDetails() {
  const entry = shown[active];
  if (entry === undefined) return;
  state.row = D.id[entry < 0 ? D.copies.row[~entry] : entry];
  state.open = true;
  showDetails();
  showList();
  goTo(active);
  writeAddress();
  byId('details').focus();
}

function closeDetails() {
  state.open = false;
  showDetails();
  showList();
  writeAddress();
  byId('grid').focus();
}
