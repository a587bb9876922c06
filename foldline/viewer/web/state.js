// The state of the view, kept in the address so that it can be shared.
const SETS = ['part', 'check', 'label', 'fold', 'method'];
const SORTS = ['file', 'doubt', 'length', 'label', 'id', 'time', 'group_size'];
const DOWN = ['doubt', 'length', 'group_size']; // descending at first
const state = { q: '', sort: 'file', dir: 'asc', row: null, open: false, tab: 'rows', lang: null };
for (const key of SETS) state[key] = new Set();

function readAddress() {
  const address = new URLSearchParams(location.hash.slice(1));
  for (const key of SETS) state[key] = new Set(address.getAll(key));
  state.q = address.get('q') || '';
  state.sort = SORTS.includes(address.get('sort')) ? address.get('sort') : 'file';
  state.dir = address.get('dir') === 'desc' ? 'desc' : 'asc';
  state.row = address.get('row');
  state.open = address.get('open') === '1';
  state.tab = address.get('tab') === 'charts' ? 'charts' : 'rows';
  state.lang = address.get('lang');
  chooseLanguage(state.lang);
}

let writing = 0;
function writeAddress() {
  clearTimeout(writing); // browsers refuse many changes a second
  writing = setTimeout(() => {
    const address = new URLSearchParams();
    if (state.tab !== 'rows') address.set('tab', state.tab);
    if (state.q) address.set('q', state.q);
    for (const key of SETS) for (const value of state[key]) address.append(key, value);
    if (state.sort !== 'file') address.set('sort', state.sort);
    if (state.dir !== 'asc') address.set('dir', state.dir);
    if (state.row != null) address.set('row', state.row);
    if (state.open) address.set('open', '1');
    if (state.lang) address.set('lang', state.lang); // chosen by hand
    history.replaceState(null, '', `#${address}`);
  }, 150);
}

const filtered = () => state.q !== '' || SETS.some((key) => state[key].size > 0);
