// The table: only visible rows are in the document.
const TALLEST = 8e6; // pixels; browsers limit the height of elements
const LESS = ['id', 'length', 'time', 'fold']; // columns hidden in a narrow table
const LEAST = [...LESS, 'group_size', 'doubt'];
let columns = [];
let rowHeight = 44;
let active = 0; // index in `shown`
let drawn = '';

function setUpColumns() {
  const some = (values) => values !== null && values.some((value) => value !== null);
  columns = [
    { key: 'id', sort: 'id', wide: '6.2rem', cell: idCell },
    { key: 'text', wide: 'minmax(0, 1fr)', cell: textCell },
    { key: 'label', sort: 'label', wide: regression ? '4.5rem' : '7.5rem', narrow: regression ? '3.5rem' : '6rem', cell: labelCell },
    { key: 'part', wide: '3.4rem', narrow: '2.8rem', cell: partCell },
    { key: 'fold', wide: '2.8rem', cell: (row) => (D.fold[row] < 0 ? '' : String(D.fold[row])), has: FACETS.some((f) => f.key === 'fold') },
    { key: 'length', sort: 'length', wide: '4rem', cell: (row) => number(D.length[row]) },
    { key: 'time', sort: 'time', wide: '6.2rem', cell: (row) => timeName(D.time[row]), has: some(D.time) },
    { key: 'group_size', sort: 'group_size', wide: '5.2rem', narrow: '4.7rem', cell: groupCell, has: D.members.size > 0 },
    { key: 'doubt', sort: 'doubt', wide: '9.5rem', narrow: '6rem', cell: doubtCell, has: some(D.confidence) },
  ].filter((column) => column.has !== false);
  const long = D.length.filter((length) => length > 80).length > D.n / 10;
  rowHeight = D.pair || long ? 56 : 40;
  const grid = byId('grid');
  grid.style.setProperty('--row', `${rowHeight}px`);
  const widths = (kept, wide) => kept.map((column) => column[wide] || column.wide).join(' ');
  grid.style.setProperty('--columns', widths(columns));
  grid.style.setProperty('--narrow', widths(columns.filter((column) => !LESS.includes(column.key)), 'narrow'));
  grid.style.setProperty('--least', widths(columns.filter((column) => !LEAST.includes(column.key)), 'narrow'));
  grid.setAttribute('aria-colcount', columns.length);
}

function buildHead() {
  byId('head').replaceChildren(...columns.map((column) => {
    const cell = make('span', { role: 'columnheader', class: `c-${column.key}`, title: column.key === 'doubt' ? w('doubt_hint') : null });
    if (!column.sort) cell.append(w(column.key));
    else {
      const sorted = state.sort === column.sort;
      if (sorted) cell.setAttribute('aria-sort', state.dir === 'asc' ? 'ascending' : 'descending');
      const arrow = sorted ? (state.dir === 'asc' ? ' ↑' : ' ↓') : '';
      cell.append(make('button', { type: 'button', on: { click: () => sortBy(column.sort) } }, w(column.key) + arrow));
    }
    return cell;
  }));
}

function sortBy(sort) {
  if (state.sort === sort) state.dir = state.dir === 'asc' ? 'desc' : 'asc';
  else {
    state.sort = sort;
    state.dir = DOWN.includes(sort) ? 'desc' : 'asc';
  }
  refresh();
}

const idCell = (row) => plainIn(make('span'), D.id[row]);
const partCell = (row) => make('span', { class: `part part-${PARTS[D.part[row]]}` }, w(PARTS[D.part[row]]));

function textCell(row) {
  const query = folded(state.q);
  const cell = make('span', { class: 'texts' });
  cell.append(put(make('span', { class: 'line', dir: 'auto' }), line(D.text[row], query), query));
  if (D.pair) cell.append(put(make('span', { class: 'line second', dir: 'auto' }), line(D.pair[row], query), query));
  return cell;
}

function labelCell(row) {
  const codes = several ? D.lists[row].filter((code) => D.bins[code] !== NONE) : regression ? [] : [D.label[row]];
  return make('span', { class: 'label' }, ...codes.map(swatch), plainIn(make('span', { dir: 'auto' }), labelName(row)));
}

function groupCell(row) {
  if (D.dup[row] < 0) return '';
  const conflict = D.flags[row] & BIT.conflict;
  const text = `${D.members.get(D.dup[row]).length}×${conflict ? ' !' : ''}`;
  return make('span', { class: conflict ? 'tag bad' : 'tag', title: conflict ? w('same_note') : null }, text);
}

function doubtCell(row) {
  const value = doubt(row);
  if (value == null) return '';
  const meter = make('i', { class: 'meter' }, make('i'));
  meter.firstChild.style.transform = `scaleX(${Math.min(1, value / (regression ? D.worst : 1))})`;
  const suspected = D.flags[row] & BIT.suspected;
  const guess = guessName(row, 2);
  return make('span', { class: suspected ? 'doubt bad' : 'doubt', title: suspected ? `→ ${guess}\n${w('doubt_hint')}` : w('doubt_hint') }, meter, value.toFixed(2),
    suspected ? plainIn(make('span', { class: 'guessed', dir: 'auto' }), ` → ${guess}`) : null);
}

function copyRow(copy) {
  const at = columns.findIndex((column) => column.key === 'text');
  const source = D.text[D.copies.row[copy]];
  const cell = make('span', { class: 'texts', role: 'gridcell' });
  const pairs = [[source, D.copies.text[copy]]];
  if (D.pair) pairs.push([D.pair[D.copies.row[copy]], D.copies.pair[copy]]);
  for (const [before, after] of pairs) {
    const side = diff(line(before), line(after))[1];
    cell.append(putDiff(make('span', { class: cell.firstChild ? 'line second' : 'line', dir: 'auto' }), side, 'ins'));
  }
  const method = D.copies.methods[D.copies.method[copy]];
  const rest = columns.slice(at + 1).map((column) => make('span', { role: 'gridcell', class: `c-${column.key}` },
    column.key === 'label' ? make('span', { class: 'tag copy' }, method) : null));
  return [make('span', { role: 'gridcell', class: 'c-id from' }, `↳ ${w('copy')}`), cell, ...rest];
}

function rowElement(place) {
  const entry = shown[place];
  const element = make('div', { role: 'row', id: `row-${place}`, 'aria-rowindex': place + 2, class: entry < 0 ? 'row copied' : 'row' });
  if (entry < 0) element.append(...copyRow(~entry));
  else {
    element.append(...columns.map((column) => make('span', { role: 'gridcell', class: `c-${column.key}` }, column.cell(entry))));
  }
  element.setAttribute('aria-selected', String(place === active));
  element.style.transform = `translateY(${top_(place)}px)`;
  return element;
}

const full = () => shown.length * rowHeight;
const room = () => byId('grid').clientHeight - byId('head').offsetHeight;

// Above TALLEST, a step of the scroll bar is more than one pixel.
function firstInSight() {
  const most = Math.min(full(), TALLEST) - room();
  const share = most > 0 ? byId('grid').scrollTop / most : 0;
  return full() <= TALLEST ? byId('grid').scrollTop / rowHeight : share * (shown.length - room() / rowHeight);
}

function top_(place) {
  return full() <= TALLEST ? place * rowHeight : byId('grid').scrollTop + (place - firstInSight()) * rowHeight;
}

function showList() {
  const grid = byId('grid');
  grid.setAttribute('aria-rowcount', shown.length + 1);
  byId('body').style.height = `${Math.min(full(), TALLEST)}px`;
  byId('nothing').hidden = shown.length > 0;
  byId('body').replaceChildren();
  drawn = '';
  drawRows();
}

function drawRows() {
  const first = Math.max(0, Math.floor(firstInSight()) - 6);
  const last = Math.min(shown.length, first + Math.ceil(room() / rowHeight) + 12);
  const key = `${first} ${last} ${full() <= TALLEST || byId('grid').scrollTop}`;
  if (key === drawn) return;
  drawn = key;
  const body = byId('body');
  if (full() > TALLEST) body.replaceChildren(); // positions change
  for (const element of [...body.children]) {
    const place = Number(element.id.slice(4));
    if (place < first || place >= last) element.remove();
  }
  for (let place = last - 1, after = null; place >= first; place -= 1) {
    const element = byId(`row-${place}`) || body.insertBefore(rowElement(place), after);
    after = element;
  }
  markActive();
}

function markActive() {
  for (const element of byId('body').children) {
    element.setAttribute('aria-selected', String(element.id === `row-${active}`));
  }
  if (byId(`row-${active}`)) byId('grid').setAttribute('aria-activedescendant', `row-${active}`);
  else byId('grid').removeAttribute('aria-activedescendant');
}

function goTo(place, center = false) {
  if (!shown.length) return;
  active = Math.max(0, Math.min(shown.length - 1, place));
  const grid = byId('grid');
  const first = firstInSight();
  const fits = room() / rowHeight;
  let target = first;
  if (center && (active < first || active > first + fits - 1)) target = active - fits / 2;
  else if (active < first) target = active;
  else if (active + 1 > first + fits) target = active + 1 - fits;
  if (target !== first) {
    grid.scrollTop = full() <= TALLEST ? target * rowHeight
      : (target / (shown.length - fits)) * (TALLEST - room());
  }
  drawRows();
  markActive();
}
