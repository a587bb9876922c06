// Korean names of what is named in English: features of slices, and the tests of the packs.
const KOREAN_FEATURES = {
  length: '길이', script: '문자', digits: '숫자의 비율', negation: '부정 표현', question_mark: '물음표',
  unknown_words: '모르는 단어의 비율', similarity: '학습 텍스트와의 유사도', overlap: '두 텍스트의 겹침', label: '레이블',
  part: '분할', time: '시간', disagreement: '주석자 불일치',
};

const KOREAN_VALUES = { missing: '값 없음', mixed: '섞임', none: '없음', other: '기타', Latin: '로마자', Hangul: '한글', Han: '한자', Kana: '가나' };

const KOREAN_TESTS = {
  typos: '오타', lowercase: '소문자', uppercase: '대문자', 'added punctuation': '문장 부호 추가', 'no punctuation': '문장 부호 삭제',
  'missing spaces': '빠진 띄어쓰기', 'sparse spacing': '드문 띄어쓰기', 'other numbers': '다른 숫자', 'link at the end': '끝에 붙인 링크', noise: '오타의 양', delete: '빠진 단어의 양',
  'added criticism': '비판 추가', 'added insult': '모욕 추가', 'added praise': '칭찬 추가', 'change of mind': '바뀐 생각', contractions: '축약형', contrast: '대조',
  'counter speech': '혐오에 대한 반박', 'dropped particles': '조사 생략', gender: '성별', 'groups in neutral sentences': '중립 문장 속 집단', 'harmless swearing': '해가 없는 욕설',
  'hated things': '사물에 대한 미움', 'insulted groups': '집단에 대한 모욕', names: '이름', nationality: '국적', 'negated criticism': '부정한 비판', 'negated praise': '부정한 칭찬',
  'negative slang': '부정적인 은어', 'negative words': '부정적인 단어', 'neutral mentions of groups': '집단에 대한 중립 언급', origin: '출신', 'positive slang': '긍정적인 은어',
  'positive words': '긍정적인 단어', 'praised groups': '집단에 대한 칭찬', 'question and answer': '질문과 답', region: '지역', religion: '종교', synonyms: '동의어',
};

const inKorean = (table, name) => (Object.hasOwn(table, name) ? table[name] : name);
const testName = (test) => (language === 'ko' ? inKorean(KOREAN_TESTS, test) : test);
const sliceName = (slice) => (language === 'ko' ? slice.conditions.map(conditionName).join(' & ') : slice.name);

function conditionName({ feature, value }) {
  const [, label] = feature.match(/^label (.+)$/) || []; // of a row with several labels
  const title = label ? `레이블 ${label}` : inKorean(KOREAN_FEATURES, feature);
  if (value === 'yes') return title;
  if (value === 'no') return `${title} 없음`;
  if (title === feature || feature === 'label') return `${title} ${value}`; // a user's own value
  return `${title} ${inKorean(KOREAN_VALUES, value).replace(' to ', '~').replace(' characters', '자')}`;
}
