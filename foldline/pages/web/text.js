// Elements and texts. Texts only ever become text nodes: nothing in them can be markup.
function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === 'on') for (const [event, act] of Object.entries(value)) element.addEventListener(event, act);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.filter((child) => child != null));
  return element;
}

const byId = (id) => document.getElementById(id);

// Where the end of a text is cut off, the pointer shows all of it.
function nameCut(event) {
  const cut = event.target.closest('.name, .name span, .label > span, .tag, .doubt, th, h2, small, [role=gridcell], [role=columnheader] button');
  if (!cut || cut.title) return;
  if (cut.scrollWidth > cut.clientWidth && cut.textContent) cut.title = cut.textContent;
}

// Invisible characters, and those that change text direction, are shown by their code.
// eslint-disable-next-line no-control-regex
const HIDDEN = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ufffe\uffff]/g;

function plain(text, parent) {
  let from = 0;
  for (const found of text.matchAll(HIDDEN)) {
    const code = found[0].codePointAt(0).toString(16).toUpperCase().padStart(4, '0');
    chunks(text.slice(from, found.index), parent);
    parent.append(make('span', { class: 'hidden-character' }, `U+${code}`));
    from = found.index + 1;
  }
  chunks(text.slice(from), parent);
}

function plainIn(element, text) {
  plain(text, element);
  return element;
}

// Browsers take many seconds to break a long run of preserved white space into lines.
const CHUNK = /[^]{1,1500}(?!\S)|[^]{1,1500}/gu;
function chunks(text, parent) {
  if (text.length <= 1500) parent.append(text);
  else parent.append(...text.match(CHUNK).map((part) => make('span', {}, part)));
}

const folded = (text) => text.normalize('NFC').toLowerCase();

// Put a text into an element, with matches of the query marked.
function put(parent, text, query) {
  const same = query ? folded(text) : '';
  if (!query || same.length !== text.length) { // positions would differ
    plain(text, parent);
    return parent;
  }
  let from = 0;
  for (let at = same.indexOf(query); at >= 0; at = same.indexOf(query, from)) {
    plain(text.slice(from, at), parent);
    const mark = make('mark');
    plain(text.slice(at, at + query.length), mark);
    parent.append(mark);
    from = at + query.length;
  }
  plain(text.slice(from), parent);
  return parent;
}

// An excerpt of a long text for a line of the list: around the first match, without half characters.
const LINE = 320;
function line(text, query) {
  if (text.length <= LINE) return text;
  const at = query ? folded(text).indexOf(query) : -1;
  const from = at > LINE - 80 ? at - 60 : 0;
  return (from ? '… ' : '') + text.slice(from, from + LINE).replace(/^[\udc00-\udfff]|[\ud800-\udbff]$/g, '') + ' …';
}

// A colour of its own for each class: steps of the golden angle around the circle of hues.
function swatch(code) {
  const dot = make('i', { class: 'swatch' });
  dot.style.setProperty('--hue', String(Math.round((code * 137.508 + 215) % 360)));
  return dot;
}
