// Charts as inline SVG: areas by bin, columns by group; with a readout and a table of numbers.
const SVG = 'http://www.w3.org/2000/svg';
const BOX = { width: 440, height: 210, left: 40, right: 8, top: 10, bottom: 26 };
const INNER = { width: BOX.width - BOX.left - BOX.right, height: BOX.height - BOX.top - BOX.bottom };

function shape(tag, attributes, ...children) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

// Draw axes: `top` is the largest value, `ticks` are [position in 0..1, text].
function frame(title, top, ticks) {
  const svg = shape('svg', { viewBox: `0 0 ${BOX.width} ${BOX.height}`, role: 'img', 'aria-label': title });
  const step = niceStep(top / 4);
  for (let value = 0; value <= top * 1.0001; value += step) {
    const y = BOX.top + INNER.height * (1 - value / top);
    svg.append(shape('line', { class: 'rule', x1: BOX.left, x2: BOX.width - BOX.right, y1: y, y2: y }));
    svg.append(shape('text', { class: 'tick', x: BOX.left - 7, y: y + 4, 'text-anchor': 'end' }, `${number(100 * value, Number.isInteger(+(100 * step).toFixed(6)) ? 0 : 1)}%`));
  }
  ticks.forEach(([place, text], at) => {
    const anchor = place < 0.04 ? 'start' : place > 0.96 && at ? 'end' : 'middle';
    svg.append(shape('text', { class: 'tick', x: BOX.left + place * INNER.width, y: BOX.height - 8, 'text-anchor': anchor }, text));
  });
  return svg;
}

const xOf = (share) => BOX.left + share * INNER.width;
const yOf = (share) => BOX.top + (1 - share) * INNER.height;

// Overlapping areas: the share of each series in each bin.
function areas(svg, series, top) {
  for (const one of series) {
    const bins = one.values.length;
    let path = `M${xOf(0)} ${yOf(0)}`;
    one.values.forEach((value, at) => {
      const y = yOf(value / top).toFixed(1);
      path += ` L${xOf(at / bins).toFixed(1)} ${y} L${xOf((at + 1) / bins).toFixed(1)} ${y}`;
    });
    svg.append(shape('path', { class: `area ${one.kind}`, d: `${path} L${xOf(1)} ${yOf(0)}` }));
  }
}

// Columns: each series in front of the one that contains it (or on top, if `stacked`).
function bars(svg, series, top, stacked) {
  const bins = series[0].values.length;
  const wide = INNER.width / bins;
  const base = new Array(bins).fill(0);
  for (const one of series) {
    one.values.forEach((value, at) => {
      const height = INNER.height * (value / top);
      if (!height) return;
      const gap = Math.min(6, wide * 0.12);
      svg.append(shape('rect', {
        class: `column ${one.kind}`, x: xOf(at / bins) + gap, y: yOf(base[at] / top) - height,
        width: wide - 2 * gap, height, rx: Math.min(2, height / 2),
      }));
      if (stacked) base[at] += value;
    });
  }
}

// Follow the pointer: mark the bin below it and show its numbers.
function readable(svg, names, series, texts) {
  const bins = names.length;
  const out = make('p', { class: 'readout' }, '\u00a0');
  const mark = shape('rect', { class: 'hover', y: BOX.top, height: INNER.height, width: INNER.width / bins, visibility: 'hidden' });
  svg.append(mark);
  svg.addEventListener('pointermove', (event) => {
    const box = svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * BOX.width - BOX.left;
    const at = Math.max(0, Math.min(bins - 1, Math.floor((x / INNER.width) * bins)));
    mark.setAttribute('x', xOf(at / bins));
    mark.setAttribute('visibility', 'visible');
    out.textContent = `${names[at]}:  ${series.map((one, k) => `${one.name} ${texts[k][at]}`).join(' · ')}`;
  });
  svg.addEventListener('pointerleave', () => {
    mark.setAttribute('visibility', 'hidden');
    out.textContent = '\u00a0';
  });
  return out;
}

function legend(series) {
  return make('p', { class: 'legend' }, ...series.map((one) => make('span', { class: one.kind }, make('i'), one.name)));
}

function numbers(first, names, series, texts) {
  const head = make('tr', {}, make('th', { scope: 'col' }, first), ...series.map((one) => make('th', { scope: 'col' }, one.name)));
  const body = names.map((name, at) => make('tr', {}, make('th', { scope: 'row', dir: 'auto' }, name),
    ...texts.map((column) => make('td', {}, column[at]))));
  return make('details', {}, make('summary', {}, w('numbers')),
    make('div', { class: 'scroll' }, make('table', {}, make('thead', {}, head), make('tbody', {}, ...body))));
}

function card(title, note, ...children) {
  return make('article', { class: 'card' }, make('h2', {}, title), make('p', { class: 'quiet' }, note), ...children);
}

// Round positions for the numbers below an axis.
function axis(edges, whole, format) {
  const [low, high] = [edges[0], edges.at(-1)];
  const step = Math.max(niceStep((high - low) / 6 || 1), whole ? 1 : 0);
  const ticks = [];
  for (let value = Math.ceil(low / step) * step; value <= high + step * 1e-6; value += step) {
    ticks.push([(value - low) / (high - low), format(+value.toPrecision(10))]);
  }
  return ticks;
}

const shares = (counts) => {
  const sum = counts.reduce((a, b) => a + b, 0) || 1;
  return counts.map((count) => count / sum);
};
