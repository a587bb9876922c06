// The chosen language, and its words; each page has WORDS of its own.
let language = 'en';

function w(key, ...values) {
  const word = WORDS[language][key];
  return typeof word === 'function' ? word(...values) : word;
}

// The language of the address, of the command, or of the browser.
function chooseLanguage(requested) {
  const wanted = requested || (SUMMARY.language === 'auto' ? navigator.language : SUMMARY.language);
  language = wanted.startsWith('ko') ? 'ko' : 'en';
}

// Put the words into the elements that name them.
function translateWords() {
  document.documentElement.lang = language;
  for (const element of document.querySelectorAll('[data-w]')) element.textContent = w(element.dataset.w);
  for (const element of document.querySelectorAll('[data-label]')) element.setAttribute('aria-label', w(element.dataset.label));
  byId('language').textContent = w('other');
  byId('language').setAttribute('aria-label', w('other_label'));
  byId('language').lang = language === 'en' ? 'ko' : 'en';
  document.title = `${w('title')} · Foldline`;
}
