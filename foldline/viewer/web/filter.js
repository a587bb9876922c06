// The rows that match, in order; one pass also counts the rows of every other choice.
let FACETS = [];
let shown = []; // rows, or ~copy for a copy under its row
let rowCount = 0;
const cache = { orders: {}, hay: null };

function setUpFacets() {
  const folds = Math.max(0, extent(D.fold)[1] + 1);
  FACETS = [
    facet('check', CHECKS, null, CHECKS.map((name) => BIT[name])),
    facet('part', PARTS, D.part),
    facet('label', D.bins, D.bin, null, D.lists),
    facet('fold', [...Array.from({ length: folds }, (_, k) => String(k)), 'none'], D.fold.map((k) => (k < 0 ? folds : k))),
    facet('method', D.copies.methods, null, D.copies.methods.map((_, at) => 1 << (at % 31))),
  ].filter((one) => one.here.includes(true) && (one.key !== 'fold' || folds));
}

// A row has one value of a facet (`codes`), or several (`bits`, or `lists` of codes).
function facet(key, values, codes, bits, lists) {
  const facet = { key, values, codes, bits, lists, counts: new Int32Array(values.length) };
  for (let row = 0; row < D.n; row += 1) tally(facet, row);
  facet.here = Array.from(facet.counts, (count) => count > 0);
  return facet;
}

function prepare(one) {
  const chosen = one.values.map((value) => state[one.key].has(value));
  one.counts.fill(0);
  one.any = chosen.includes(true);
  one.chosen = chosen;
  if (one.bits) one.mask = one.bits.reduce((mask, bit, at) => (chosen[at] ? mask | bit : mask), 0);
}

function passes(one, row) {
  if (!one.any) return true;
  if (one.codes) return one.chosen[one.codes[row]];
  if (one.lists) return one.lists[row].some((code) => one.chosen[code]);
  if (one.key === 'check') return (D.flags[row] & one.mask) === one.mask;
  return (D.methods[row] & one.mask) !== 0;
}

function tally(one, row) {
  if (one.codes) {
    one.counts[one.codes[row]] += 1;
    return;
  }
  if (one.lists) {
    for (const code of one.lists[row]) one.counts[code] += 1;
    return;
  }
  const own = one.key === 'check' ? D.flags[row] : D.methods[row];
  for (let at = 0; at < one.bits.length; at += 1) if (own & one.bits[at]) one.counts[at] += 1;
}

function select() {
  const query = folded(state.q);
  const hay = query ? haystack() : null;
  const rows = [];
  FACETS.forEach(prepare);
  for (const row of order(state.sort, state.dir)) {
    let failed = null;
    let fails = 0;
    for (const one of FACETS) {
      if (!passes(one, row)) {
        failed = one;
        fails += 1;
        if (fails > 1) break;
      }
    }
    if (fails > 1 || (query && !hay[row].includes(query))) continue;
    if (!fails) {
      rows.push(row);
      for (const one of FACETS) tally(one, row);
    } else if (failed.key !== 'check') tally(failed, row); // rows must match all checks
  }
  rowCount = rows.length;
  shown = withCopies() ? rows.flatMap((row) => [row, ...copiesShown(row).map((copy) => ~copy)]) : rows;
}

const withCopies = () => state.check.has('copied') || state.method.size > 0;

function copiesShown(row) {
  const copies = D.copiesOf.get(row) || [];
  return state.method.size
    ? copies.filter((copy) => state.method.has(D.copies.methods[D.copies.method[copy]])) : copies;
}

function haystack() {
  cache.hay ??= D.id.map((id, row) => {
    const old = D.originalOf.get(row);
    const parts = [D.text[row], D.pair ? D.pair[row] : '', id, old ? D.originals.text[old[0]] : ''];
    return folded(parts.join('\n'));
  });
  return cache.hay;
}

// The rows in an order, cached; rows without a value come last in either direction.
function order(sort, dir) {
  const up = (cache.orders[sort] ??= ascending(sort));
  if (dir === 'asc') return up.rows.concat(up.rest);
  return up.rows.slice().reverse().concat(up.rest);
}

const SORT_VALUES = {
  file: (row) => row,
  doubt,
  length: (row) => D.length[row],
  label: (row) => D.label[row],
  id: (row) => D.id[row],
  time: (row) => (D.time ? D.time[row] : null),
  group_size: (row) => (D.dup[row] < 0 ? null : D.members.get(D.dup[row]).length),
};

function ascending(sort) {
  const all = Array.from({ length: D.n }, (_, row) => row);
  const values = all.map(SORT_VALUES[sort]);
  const rows = all.filter((row) => values[row] != null);
  const natural = new Intl.Collator('en', { numeric: true });
  if (sort === 'id') rows.sort((a, b) => natural.compare(values[a], values[b]) || a - b);
  // Rows of a group stay together.
  else if (sort === 'group_size') rows.sort((a, b) => values[a] - values[b] || D.dup[a] - D.dup[b] || a - b);
  else if (sort !== 'file') rows.sort((a, b) => values[a] - values[b] || a - b);
  return { rows, rest: all.filter((row) => values[row] == null) };
}
