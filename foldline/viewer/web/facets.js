// The filters at the side: each choice with the number of matching rows.
const MANY = 12; // choices; longer lists get a search field

function facetName(key, value) {
  if (key === 'part' || key === 'check') return w(value);
  if (key === 'label' && several && value === NONE) return w('no_label');
  return key === 'fold' && value === 'none' ? w('no_fold') : value;
}

function buildFacets() {
  byId('facets').replaceChildren(...FACETS.map((one) => {
    const list = make('ul');
    one.items = one.values.map((value) => choice(one, value));
    list.append(...one.items.filter((_, at) => one.here[at]).map((item) => item.element));
    const find = one.values.length > MANY ? finder(one) : null;
    return make('fieldset', { class: `facet facet-${one.key}` },
      make('legend', {}, w(one.key)), find, list);
  }));
}

function choice(one, value) {
  const box = make('input', { type: 'checkbox', on: { change: () => toggle(one.key, value, box.checked) } });
  const count = make('span', { class: 'number' });
  const bar = make('i', { class: 'bar' });
  const name = plainIn(make('span', { class: 'name', dir: 'auto' }), facetName(one.key, value));
  const dot = one.key === 'label' && !regression && value !== NONE ? swatch(one.values.indexOf(value)) : null;
  if (one.key === 'part') bar.classList.add(`part-${value}`);
  const element = make('li', {}, make('label', {}, box, dot, name, count, bar));
  return { value, element, box, count, bar };
}

function finder(one) {
  const field = make('input', { type: 'search', 'aria-label': w('find'), placeholder: w('find') });
  field.addEventListener('input', () => {
    const query = folded(field.value);
    for (const item of one.items) item.element.hidden = !folded(item.value).includes(query);
  });
  return field;
}

function toggle(key, value, on) {
  if (on) state[key].add(value);
  else state[key].delete(value);
  if (on && value === 'suspected' && state.sort === 'file') [state.sort, state.dir] = ['doubt', 'desc']; // the worst first
  refresh();
}

function showFacets() {
  for (const one of FACETS) {
    const most = Math.max(1, ...one.counts);
    one.items.forEach((item, at) => {
      const count = one.counts[at];
      item.box.checked = state[one.key].has(item.value);
      item.count.textContent = number(count);
      item.bar.style.transform = `scaleX(${count / most})`;
      item.element.classList.toggle('empty', !count && !item.box.checked);
    });
  }
}
