// The rows as columns, unpacked once, and lookup tables of them.
const CHECKS = ['duplicate', 'conflict', 'suspected', 'copied', 'disagree', 'changed', 'unsampled'];
const BIT = Object.fromEntries(CHECKS.map((name, place) => [name, 1 << place]));
const PARTS = ['train', 'valid', 'test', 'left'];
const regression = SUMMARY.task === 'regression';
const several = SUMMARY.task === 'multilabel';
const NONE = ''; // the label of a row that has none
let D = null;

async function unpack() {
  D = await unpackRows();
  D.n = D.id.length;
  D.place = new Map(D.id.map((id, row) => [id, row]));
  D.length = Int32Array.from(D.text, (own, row) => size(own) + (D.pair ? size(D.pair[row]) : 0));
  D.members = groupIndices(D.dup, D.n);
  D.copiesOf = groupIndices(D.copies.row, D.copies.row.length);
  D.judgementsOf = groupIndices(D.judgements.row, D.judgements.row.length);
  D.originalOf = groupIndices(D.originals.row, D.originals.row.length);
  D.methods = methodMasks();
  D.flags = flags();
  D.dated = D.time && D.time.every((t) => t == null || Math.abs(t) < 1e10) && D.time.some((t) => t > 1e8);
  binLabels();
}

// Characters as Python counts them.
const size = (text) => (/[\ud800-\udbff]/.test(text) ? [...text].length : text.length);

function groupIndices(keys, count) {
  const groups = new Map();
  for (let at = 0; at < count; at += 1) {
    if (keys[at] < 0) continue;
    const list = groups.get(keys[at]);
    if (list) list.push(at);
    else groups.set(keys[at], [at]);
  }
  return groups;
}

function methodMasks() {
  const masks = new Int32Array(D.n);
  D.copies.row.forEach((row, copy) => { masks[row] |= 1 << (D.copies.method[copy] % 31); });
  return masks;
}

function flags() {
  const bits = new Uint8Array(D.n);
  const mark = (rows, name) => { for (const row of rows) bits[row] |= BIT[name]; };
  for (const rows of D.members.values()) mark(rows, 'duplicate');
  for (const name of ['conflict', 'suspected', 'unsampled']) mark(D[name], name);
  mark(D.copiesOf.keys(), 'copied');
  mark(D.originalOf.keys(), 'changed');
  for (const [row, list] of D.judgementsOf) {
    if (new Set(list.map((at) => D.judgements.label[at])).size > 1) mark([row], 'disagree');
  }
  return bits;
}

// Regression targets are filtered by about eight ranges with round edges.
function binLabels() {
  if (several) {
    const sets = D.labels.map((label) => label.split('|'));
    D.bins = [...new Set(sets.flat())].filter((name) => name !== NONE).sort();
    if (D.labels.includes(NONE)) D.bins.push(NONE);
    const places = sets.map((names) => names.map((name) => D.bins.indexOf(name)));
    D.lists = D.label.map((code) => places[code]);
    return;
  }
  if (!regression) {
    D.bin = D.label;
    D.bins = D.labels;
    return;
  }
  const [low, high] = extent(D.label);
  const step = niceStep((high - low) / 8 || 1);
  const first = Math.floor(low / step);
  const count = Math.max(1, Math.ceil(high / step - 1e-9) - first);
  D.bin = D.label.map((value) => Math.min(count - 1, Math.floor(value / step + 1e-9) - first));
  const edge = (place) => String(+((first + place) * step).toPrecision(6));
  D.bins = Array.from({ length: count }, (_, place) => `${edge(place)} – ${edge(place + 1)}`);
}

const labelName = (row) => (regression ? String(D.label[row]) : shownLabel(D.labels[D.label[row]]));
const guessName = (row, digits) => (regression ? number(D.guess[row], digits) : shownLabel(D.labels[D.guess[row]]));
const shownLabel = (label) => (!several ? label : label === NONE ? w('no_label') : label.split('|').join(', '));
const doubt = (row) => {
  const own = D.confidence[row];
  return own == null ? null : regression ? -own : 1 - own;
};

function timeName(value) {
  if (value == null) return '';
  if (!D || !D.dated) return String(value);
  const text = new Date(value * 1000).toISOString();
  return value % 86400 ? text.slice(0, 16).replace('T', ' ') : text.slice(0, 10);
}
