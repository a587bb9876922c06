// Start, keyboard, and updates of all views after a change.
function refresh() {
  select();
  const row = state.row == null ? -1 : D.place.get(state.row) ?? -1;
  const place = row < 0 ? -1 : shown.indexOf(row);
  active = Math.max(0, place);
  if (place < 0) byId('grid').scrollTop = 0;
  showFacets();
  buildHead();
  byId('count').textContent = w('count', number(rowCount), number(D.n));
  byId('clear').disabled = !filtered();
  byId('sort').value = state.sort;
  byId('direction').textContent = state.dir === 'asc' ? '↑' : '↓';
  byId('direction').setAttribute('aria-label', w(state.dir === 'asc' ? 'ascending' : 'descending'));
  showDetails();
  showList();
  if (place >= 0) goTo(place, true);
  writeAddress();
}

function move(by) {
  goTo(active + by);
  const entry = shown[active];
  if (entry === undefined) return;
  state.row = D.id[entry < 0 ? D.copies.row[~entry] : entry];
  if (state.open) showDetails();
  writeAddress();
}

function clearFilters() {
  for (const key of SETS) state[key].clear();
  state.q = '';
  byId('search').value = '';
}

function translate() {
  translateWords();
  byId('search').placeholder = w('search_hint');
  const all = SUMMARY.notes.find((note) => note.code === 'sampled');
  byId('total').textContent = w('total', number(all ? all.rows : D.n));
  byId('notes').replaceChildren(...SUMMARY.notes.map((note) => make('p', { class: 'note' }, w(note.code, note))));
  const sorts = SORTS.filter((key) => ['file', 'id', 'length', 'label'].includes(key) || columns.some((column) => column.sort === key));
  byId('sort').replaceChildren(...sorts.map((key) => make('option', { value: key }, w(key))));
  buildFacets();
  buildCharts();
}

function showTab() {
  for (const name of ['rows', 'charts']) {
    byId(name).hidden = state.tab !== name;
    byId(`tab-${name}`).setAttribute('aria-selected', String(state.tab === name));
    byId(`tab-${name}`).tabIndex = state.tab === name ? 0 : -1;
  }
  if (state.tab === 'rows') showList();
  writeAddress();
}

function openTab(name) {
  state.tab = name;
  showTab();
}

const KEYS = {
  j: () => move(1), k: () => move(-1), '/': () => byId('search').focus(), Escape: closeDetails,
};
const GRID_KEYS = {
  ArrowDown: () => move(1), ArrowUp: () => move(-1), Home: () => move(-Infinity), End: () => move(Infinity),
  PageDown: () => move(Math.floor(room() / rowHeight)), PageUp: () => move(-Math.floor(room() / rowHeight)),
  Enter: openDetails,
};

function pressed(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
  const { target, key } = event;
  let act = null;
  if (target === byId('search')) act = { Escape: () => byId('grid').focus(), Enter: () => byId('grid').focus(), ArrowDown: () => byId('grid').focus() }[key];
  else if (target.getAttribute('role') === 'tab') act = { ArrowLeft: otherTab, ArrowRight: otherTab }[key];
  else if (target === byId('grid')) act = GRID_KEYS[key];
  const typing = target.matches('input[type=search], select');
  if (!act && !typing && (state.tab === 'rows' || key === '/')) act = KEYS[key];
  if (!act) return;
  if (key === '/') openTab('rows');
  event.preventDefault();
  act();
}

function otherTab() {
  openTab(state.tab === 'rows' ? 'charts' : 'rows');
  byId(`tab-${state.tab}`).focus();
}

function listen() {
  let waiting = 0;
  byId('search').addEventListener('input', (event) => {
    clearTimeout(waiting);
    waiting = setTimeout(() => {
      state.q = event.target.value.trim();
      refresh();
    }, 60);
  });
  let frame = 0;
  byId('grid').addEventListener('scroll', () => {
    cancelAnimationFrame(frame);
    frame = requestAnimationFrame(drawRows);
  }, { passive: true });
  byId('body').addEventListener('click', (event) => {
    const row = event.target.closest('.row');
    if (!row || String(getSelection())) return; // selecting text is not a click
    active = Number(row.id.slice(4));
    openDetails();
  });
  byId('sort').addEventListener('change', (event) => {
    state.sort = ''; // a new order starts in its own direction
    sortBy(event.target.value);
  });
  byId('direction').addEventListener('click', () => sortBy(state.sort));
  byId('clear').addEventListener('click', () => { clearFilters(); refresh(); });
  byId('facets').addEventListener('submit', (event) => event.preventDefault());
  byId('language').addEventListener('click', () => {
    language = language === 'en' ? 'ko' : 'en';
    state.lang = language;
    translate();
    refresh();
  });
  for (const name of ['rows', 'charts']) byId(`tab-${name}`).addEventListener('click', () => openTab(name));
  addEventListener('keydown', pressed);
  addEventListener('pointerover', nameCut);
  addEventListener('hashchange', () => { readAddress(); show(); });
  new ResizeObserver(() => { if (state.tab === 'rows') { drawn = ''; drawRows(); } }).observe(byId('grid'));
}

function show() {
  byId('search').value = state.q;
  translate();
  refresh();
  showTab();
}

async function start() {
  readAddress();
  try {
    await unpack();
  } catch (error) {
    byId('notes').append(make('p', { class: 'note' }, w('broken')));
    throw error;
  }
  D.worst = extent(D.confidence.map((own) => (own == null ? 0 : -own)))[1] || 1;
  setUpFacets();
  setUpColumns();
  listen();
  show();
  document.documentElement.dataset.ready = 'yes';
}

start();
