// What is shown, kept in the address: copying it shares the view.
const SETS = ['part', 'check', 'label', 'fold', 'method'];
const SORTS = ['file', 'doubt', 'length', 'label', 'id', 'time', 'group_size'];
const DOWN = ['doubt', 'length', 'group_size']; // the large ones are of interest
const state = { q: '', sort: 'file', dir: 'asc', row: null, open: false, tab: 'rows', lang: null };
for (const key of SETS) state[key] = new Set();

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const key of SETS) state[key] = new Set(given.getAll(key));
  state.q = given.get('q') || '';
  state.sort = SORTS.includes(given.get('sort')) ? given.get('sort') : 'file';
  state.dir = given.get('dir') === 'desc' ? 'desc' : 'asc';
  state.row = given.get('row');
  state.open = given.get('open') === '1';
  state.tab = given.get('tab') === 'charts' ? 'charts' : 'rows';
  state.lang = given.get('lang');
  const asked = state.lang || (SUMMARY.language === 'auto' ? navigator.language : SUMMARY.language);
  language = asked.startsWith('ko') ? 'ko' : 'en';
}

let writing = 0;
function writeAddress() {
  clearTimeout(writing); // browsers refuse many changes a second
  writing = setTimeout(() => {
    const made = new URLSearchParams();
    if (state.tab !== 'rows') made.set('tab', state.tab);
    if (state.q) made.set('q', state.q);
    for (const key of SETS) for (const value of state[key]) made.append(key, value);
    if (state.sort !== 'file') made.set('sort', state.sort);
    if (state.dir !== 'asc') made.set('dir', state.dir);
    if (state.row != null) made.set('row', state.row);
    if (state.open) made.set('open', '1');
    if (state.lang) made.set('lang', state.lang); // chosen by hand
    history.replaceState(null, '', `#${made}`);
  }, 150);
}

const filtered = () => state.q !== '' || SETS.some((key) => state[key].size > 0);
