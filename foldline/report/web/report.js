// Start, language, and the list of sections.
let D = null;
const SECTIONS = [
  headlineSection, outcomesSection, slicesSection, behaviourSection, errorsSection, flipsSection, calibrationSection,
  confidenceSection, trainingSection, runSection, qualitySection, costSection,
];

function build() {
  translateWords();
  const sections = SECTIONS.map((make_) => make_()).filter(Boolean);
  byId('sections').replaceChildren(...sections);
  byId('contents').replaceChildren(...sections.map((own) => make('a', { href: `#${own.id}` }, own.querySelector('h2').textContent)));
  byId('total').textContent = `${SUMMARY.project} · ${w(`task_${SUMMARY.task}`)} · ${w(`of_${SUMMARY.judged}`)} ${w('n_rows', number(SUMMARY.rows.all))}`;
  document.title = `${SUMMARY.project} · ${w('title')}`;
  byId('notes').replaceChildren(...notes().map((text) => plainIn(make('p', { class: 'note', ...dir }), text)));
}

function notes() {
  const { all, shown, characters } = SUMMARY.rows;
  const use = SUMMARY.comparison.test_use || {};
  const cut = D.text.some((text) => text.length === characters && text.endsWith('…'));
  return [
    SUMMARY.judged !== 'test' && w('no_test'),
    shown < all && shown > 0 && w('sampled', number(shown), number(all)),
    cut && w('cut', number(characters)),
    use.openings > 1 && w('openings', number(use.openings), use.optimism == null ? '' : score(use.optimism, 3)),
  ].filter(Boolean);
}

async function start() {
  chooseLanguage(new URLSearchParams(location.search).get('lang'));
  D = await unpackRows();
  D.place = new Map(D.id.map((id, row) => [id, row]));
  build();
  byId('language').addEventListener('click', () => {
    language = language === 'en' ? 'ko' : 'en';
    build();
  });
  byId('panel').addEventListener('click', (event) => { if (event.target === byId('panel')) byId('panel').close(); });
  addEventListener('pointerover', nameCut);
  addEventListener('beforeprint', () => { for (const own of document.querySelectorAll('details.fold')) own.open = true; });
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView();
  document.documentElement.dataset.ready = 'yes';
}

start();
