// Words that differ between two texts: longest common subsequence of words.
const MOST = 400000; // cells of the table; longer texts count as changed as a whole

const words = (text) => text.match(/\S+|\s+/g) || [];

// Return [word, changed] for each word and space of both texts.
function diff(before, after) {
  const all = [words(before), words(after)];
  const [a, b] = all.map((list) => list.map((word, at) => ({ word, at })).filter((o) => o.word.trim()));
  let start = 0;
  while (start < a.length && start < b.length && a[start].word === b[start].word) start += 1;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a.at(-1 - end).word === b.at(-1 - end).word) end += 1;
  const middle = [a, b].map((list) => list.slice(start, list.length - end));
  const same = common(...middle);
  return all.map((list, side) => {
    const changed = new Set(middle[side].map((o) => o.at));
    for (const pair of same) changed.delete(pair[side]);
    return list.map((word, at) => [word, changed.has(at)]);
  });
}

// Return pairs of indices of the words that stay.
function common(a, b) {
  const wide = b.length + 1;
  if (!a.length || !b.length || (a.length + 1) * wide > MOST) return [];
  const best = new Uint16Array((a.length + 1) * wide);
  for (let i = a.length - 1; i >= 0; i -= 1) {
    for (let j = b.length - 1; j >= 0; j -= 1) {
      best[i * wide + j] = a[i].word === b[j].word
        ? best[(i + 1) * wide + j + 1] + 1
        : Math.max(best[(i + 1) * wide + j], best[i * wide + j + 1]);
    }
  }
  const pairs = [];
  for (let i = 0, j = 0; i < a.length && j < b.length;) {
    if (a[i].word === b[j].word) pairs.push([a[i++].at, b[j++].at]);
    else if (best[(i + 1) * wide + j] >= best[i * wide + j + 1]) i += 1;
    else j += 1;
  }
  return pairs;
}

// Write one side into an element: changed words as <ins> or <del>, neighbours joined.
function putDiff(parent, side, tag) {
  for (let at = 0; at < side.length;) {
    const changed = side[at][1];
    let text = '';
    const joins = (k) => side[k][1] === changed
      || (changed && !side[k][0].trim() && side[k + 1] && side[k + 1][1]);
    do text += side[at++][0]; while (at < side.length && joins(at));
    if (changed) plain(text, parent.appendChild(make(tag)));
    else plain(text, parent);
  }
  return parent;
}
