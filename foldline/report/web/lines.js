// Line charts with bands: each series has points [x, y, low, high], the last two if known.
function lineChart({ title, x, y, series, diagonal = false, format = short }) {
  const known = series.map((one) => ({ ...one, points: one.points.filter((p) => p[0] != null && p[1] != null) }));
  const all = known.flatMap((one) => one.points);
  const [left, right] = x.range || extent(all.map((p) => p[0]));
  const [low, high] = y.range || padded(extent(all.flatMap((p) => [p[1], p[2] ?? p[1], p[3] ?? p[1]])));
  const toX = (value) => xOf((value - left) / (right - left || 1));
  const toY = (value) => yOf(Math.max(0, Math.min(1, (value - low) / (high - low || 1))));
  const svg = shape('svg', { viewBox: `0 0 ${BOX.width} ${BOX.height}`, role: 'img', 'aria-label': title });
  for (const [place, text] of axis([low, high], false, format)) {
    const at = yOf(place);
    svg.append(shape('line', { class: 'rule', x1: BOX.left, x2: BOX.width - BOX.right, y1: at, y2: at }),
      shape('text', { class: 'tick', x: BOX.left - 7, y: at + 4, 'text-anchor': 'end' }, text));
  }
  for (const [place, text] of axis([left, right], false, x.format || short)) {
    svg.append(shape('text', { class: 'tick', x: xOf(place), y: BOX.height - 8, 'text-anchor': place > 0.96 ? 'end' : place < 0.04 ? 'start' : 'middle' }, text));
  }
  if (diagonal) svg.append(shape('line', { class: 'diagonal', x1: toX(left), y1: toY(left), x2: toX(right), y2: toY(right) }));
  for (const one of known) {
    const band = one.points.filter((p) => p[2] != null && p[3] != null);
    if (band.length > 1) {
      const edge = (at) => band.map((p) => `${toX(p[0]).toFixed(1)} ${toY(p[at]).toFixed(1)}`);
      svg.append(shape('path', { class: `band ${one.kind}`, d: `M${[...edge(3), ...edge(2).reverse()].join(' L')} Z` }));
    }
    svg.append(shape('path', { class: `line ${one.kind}`, d: `M${one.points.map((p) => `${toX(p[0]).toFixed(1)} ${toY(p[1]).toFixed(1)}`).join(' L')}` }));
    if (one.points.length <= 24) {
      for (const p of one.points) svg.append(shape('circle', { class: `dot ${one.kind}`, cx: toX(p[0]), cy: toY(p[1]), r: 3 }));
    }
  }
  return make('div', { class: 'chart' }, make('small', { class: 'axis' }, y.name), svg, make('small', { class: 'axis end' }, x.name),
    known.length > 1 ? legend(known) : null, lineTable(x, known, format));
}

function lineTable(x, series, format) {
  const places = [...new Set(series.flatMap((one) => one.points.map((p) => p[0])))].sort((a, b) => a - b).slice(0, 60);
  const own = series.map((one) => new Map(one.points.map((p) => [p[0], p])));
  const texts = own.map((points) => places.map((at) => (points.has(at) ? withInterval(points.get(at), format) : '')));
  return numbers(x.name, places.map(x.format || short), series, texts);
}

const withInterval = ([, value, low, high], format) => (low == null ? format(value) : `${format(value)} [${format(low)}, ${format(high)}]`);
const short = (value) => String(+value.toPrecision(3));

function padded([low, high]) {
  const room = (high - low || Math.abs(high) || 1) * 0.08;
  return [low - room, high + room];
}
