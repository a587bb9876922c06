"""Words and templates of the synthetic sample data; all place names are invented.

In a template `{word}/이` means the particle that fits the word before it; the topics share all
templates, places, endings and groups, and a few subjects and actors.
"""

import re
from dataclasses import dataclass


def items(text: str) -> tuple[str, ...]:
    """Split at commas, also across lines."""
    return tuple(part.strip() for part in text.split(","))


def concepts(text: str) -> tuple[tuple[str, ...], ...]:
    """Split `a|b, c|d` into concepts, each a tuple of synonymous wordings."""
    return tuple(tuple(part.split("|")) for part in items(text))


@dataclass(frozen=True)
class Headlines:
    """Words of headlines in one language; `subjects` and `actors` are by topic."""

    places: tuple[str, ...]
    groups: tuple[str, ...]
    times: tuple[str, ...]
    events: tuple[str, ...]
    plans: tuple[str, ...]
    subjects: dict[str, tuple[str, ...]]
    actors: dict[str, tuple[str, ...]]
    templates: tuple[str, ...]
    mixed: tuple[str, ...]
    vague: tuple[str, ...]


@dataclass(frozen=True)
class Sentences:
    """Words of sentence pairs in one language; `orders` are equivalent word orders."""

    slots: dict[str, tuple[tuple[str, ...], ...]]
    orders: tuple[str, ...]


# Particles after a consonant, and after a vowel.
PARTICLES = {"은": "는", "이": "가", "을": "를", "과": "와", "으로": "로"}


def attach_particles(text: str) -> str:
    """Return the text with the right form of each `/이`, `/은` ..., and a capital first letter."""

    def choose_particle(match: re.Match[str]) -> str:
        syllable, particle = match.groups()
        final = (ord(syllable) - ord("가")) % 28
        # 로 also follows ㄹ (the 8th final).
        vowel_form = final == 0 or (particle == "으로" and final == 8)
        return syllable + (PARTICLES[particle] if vowel_form else particle)

    text = re.sub(r"([가-힣])/(은|이|을|과|으로)", choose_particle, text)
    return text[:1].upper() + text[1:]


@dataclass(frozen=True)
class Sentence:
    """A sentence: the index of the concept and of its wording in each slot."""

    words: Sentences
    meaning: dict[str, tuple[int, int]]
    order: int

    def text(self) -> str:
        """Return the sentence as text."""
        wordings = {
            slot: self.words.slots[slot][i][wording] for slot, (i, wording) in self.meaning.items()
        }
        return attach_particles(self.words.orders[self.order].format(**wordings))


KOREAN = Headlines(
    places=items(
        "강변시, 들꽃군, 솔내시, 해돋이군, 노을구, 물빛시, 산들군, 나루시, 샘골군, 도담시"
    ),
    groups=items("시청, 위원회, 협회, 시민 단체, 지역 대학, 조직위, 재단, 전문가들, 청년들"),
    times=items("다음 주, 이번 주말, 다음 달, 올가을, 내년 봄, 연말, 오는 금요일, 하반기, 월말"),
    events=items("토론회, 교육, 캠페인, 설명회, 체험 행사, 공모전, 교류 행사, 강연, 포럼"),
    plans=items("대책, 계획, 개선안, 지원 사업, 추진안, 종합 방안, 예산, 협약, 개편"),
    subjects={
        "economy": items("금리, 수출, 물가, 증시, 환율, 소비, 창업, 세금"),
        "politics": items("선거, 국회, 여야 협상, 외교, 정상 회담, 조례, 청문회, 세금"),
        "society": items("교통안전, 통학로, 응급실, 돌봄, 재난 대응, 소방, 학교 급식, 미세 먼지"),
        "culture": items("영화제, 전시, 문화유산, 전통 음악, 연극, 독서, 미술관, 마을 축제"),
        "sports": items("배구, 축구, 마라톤, 수영, 육상, 빙상, 결승전, 체조"),
        "science": items("위성, 양자 연구, 로봇, 우주 망원경, 발사체, 기후 관측"),
    },
    actors={
        "economy": items("수출 기업, 소상공인, 상인회, 투자자들, 노조"),
        "politics": items("여당, 야당, 국회의원들, 정부, 노조"),
        "society": items("학부모들, 경찰, 소방서, 주민들, 복지관"),
        "culture": items("예술인들, 미술관, 극단, 작가들, 관람객"),
        "sports": items("선수단, 감독들, 체육회, 구단, 관람객"),
        "science": items("연구진, 연구소, 과학관, 관측소"),
    },
    templates=(
        "{actor}, {subject} {plan} 두고 {time} 공개 토론",
        "{place} {subject} {event}에 {count}명 참여",
        "{place}, {subject} {plan} {time} 발표",
        "{place}서 {subject} {plan}/을 둘러싼 논란 이어져",
        "{actor}/이 {subject} {plan}/을 반기는 이유",
        "{subject} {event}에 {actor} 관심 쏠려",
        "{subject} {plan} 무산 위기…{actor}/은 반발",
        "{place} {actor}, {subject} {event} 앞두고 막바지 준비",
        "{actor}/은 왜 {subject} {plan}/을 미뤘나",
        "{actor}, {subject} {plan}에 {count}억 원 투입",
        "{years}년 만의 {subject} {event}, {place} 들썩",
        "{subject} {plan} 찬성 {share}%…{actor}/은 신중",
        "{actor}/과 {place}, {subject} {event}/으로 손잡아",
        "{subject} {event} 일정 {time}/으로 연기",
        "[현장] {place} {subject} {event} 지켜본 {actor}",
        "{subject} {plan}, {place}의 기대와 우려",
        "{place} {subject} {plan}, {share}% 늘리기로",
    ),
    mixed=(
        "{place}, {other}보다 {subject} {plan} 먼저",
        "{other} 대신 {subject} {plan}…{place}의 선택",
        "{actor}, {other} 넘어 {subject} {event}까지",
        "{other} 논란 속 {subject} {event} {time} 개막",
        "{subject} {plan}에 밀린 {other}, {actor}/은 아쉬움",
        "{place} {subject} {event}, {other} 걱정에도 {count}명 찾아",
    ),
    vague=(
        "{place} {group}, {time} 중대 발표 예고",
        "{place} {group}/이 {count}명에게 물었더니",
        "{time} {place}, 무엇이 달라지나",
        "{place} {group} 관계자 {count}명 한자리에",
        "{place} {event} 두고 {group} 의견 엇갈려",
        "{group}, {place} {plan}에 {count}억 원",
    ),
)

ENGLISH = Headlines(
    places=items("Northford, Lakemoor, Westhaven, Oakmere, Fernhill, Millbay, Sunmere, Saltcove"),
    groups=items("officials, experts, volunteers, students, organisers, local groups, planners"),
    times=items("next week, next month, next year, this weekend, this autumn, early summer"),
    events=items("forum, workshop, campaign, open day, conference, contest, exchange, summit"),
    plans=items("plan, proposal, reform, support scheme, review, strategy, budget, deal"),
    subjects={
        "economy": items("interest rate, export, inflation, stock market, currency, startup, tax"),
        "politics": items("election, parliament, coalition, foreign policy, treaty, by-law, tax"),
        "society": items("""road safety, school route, emergency room, child care, fire safety,
            school meal, air quality"""),
        "culture": items("""film festival, exhibition, heritage, folk music, theatre, museum,
            village fair"""),
        "sports": items("football, marathon, swimming, athletics, skating, cup final, gymnastics"),
        "science": items("satellite, quantum, robot, space telescope, rocket, climate data"),
    },
    actors={
        "economy": items("exporters, shop owners, investors, traders, unions"),
        "politics": items("lawmakers, ministers, party leaders, diplomats, unions"),
        "society": items("parents, police officers, firefighters, residents, care workers"),
        "culture": items("artists, curators, writers, theatre groups, visitors"),
        "sports": items("players, coaches, club officials, fans, visitors"),
        "science": items("researchers, astronomers, engineers, lab teams"),
    },
    templates=(
        "{actor} split over {subject} {plan} in {place}",
        "{place} {subject} {plan} wins {share}% approval",
        "{count} people join {subject} {event} in {place}",
        "Why {actor} welcomed the {subject} {plan}",
        "{actor} to debate {subject} {plan} before {time}",
        "{subject} {plan} delayed until {time}, {actor} say",
        "{place} to spend {count} million on {subject} {plan}",
        "{subject} {event} draws record crowd of {count}",
        "{actor} in {place} prepare for {subject} {event}",
        "First {subject} {event} in {years} years stirs {place}",
        "{share}% back {subject} {plan}, {actor} stay cautious",
        "Hopes and doubts over {subject} {plan} in {place}",
        "What {actor} want from the {subject} {plan}",
        "{place} {subject} {event} moved to {time}",
    ),
    mixed=(
        "{place} puts {subject} {plan} ahead of {other}",
        "Not {other} but {subject} {plan}: {place} chooses",
        "{actor} turn from {other} to {subject} {event}",
        "{subject} {event} to open by {time} despite {other} row",
        "{other} loses out to {subject} {plan}, {actor} regret",
    ),
    vague=(
        "{place} {group} promise big news by {time}",
        "{group} in {place} ask {count} people what they want",
        "What will change in {place} by {time}",
        "{count} {group} gather in {place}",
        "{group} and {place} unveil new {plan}",
        "{group} disagree over {event} in {place}",
    ),
)

KOREAN_SENTENCES = Sentences(
    slots={
        "who": concepts("""아이|어린이, 의사|의료진, 선생님|교사, 할머니|나이 든 여성,
            요리사|주방장, 대학생|대학에 다니는 학생, 옆집 사람|이웃, 여행객|관광객, 농부|농사꾼,
            간호사, 화가|미술가, 기사|운전사, 두 친구|친구 둘, 소설가|작가"""),
        "when": concepts("""어제|하루 전에, 오늘 아침|오늘 아침 일찍, 지난주|한 주 전에,
            주말에|토요일과 일요일에, 작년 여름|지난해 여름, 밤늦게|늦은 밤에, 점심때|한낮에,
            비 오던 날|비가 내리던 날, 새벽에|동틀 무렵에, 방학 동안|방학 때,
            해 질 무렵|노을이 질 때"""),
        "where": concepts("""공원|동네 공원, 도서관, 시장|장터, 기차역|역, 학교|교정, 바닷가|해변,
            박물관, 찻집|카페, 병원|의원, 버스 정류장|정류장, 호숫가|호수 근처,
            광장|넓은 마당"""),
        "action": concepts("""친구를 만났다|벗을 만났다, 사진을 찍었다|촬영을 했다,
            책을 읽었다|독서를 했다, 밥을 먹었다|식사를 했다, 노래를 불렀다|노래했다,
            길을 물었다|방향을 물어보았다, 편지를 썼다|편지를 적었다, 전화를 받았다|통화를 했다,
            우산을 잃어버렸다|우산을 분실했다, 지갑을 주웠다|떨어진 지갑을 발견했다,
            그림을 그렸다|스케치를 했다, 차를 마셨다|차를 즐겼다, 춤을 연습했다|춤 연습을 했다,
            모자를 샀다|모자를 구입했다, 잠깐 잤다|잠깐 눈을 붙였다, 쓰레기를 치웠다|청소를 했다,
            자전거를 고쳤다|자전거를 수리했다, 크게 웃었다|웃음을 터뜨렸다"""),
    },
    orders=(
        "{when} {who}/이 {where}에서 {action}.",
        "{who}/은 {when} {where}에서 {action}.",
        "{where}에서 {who}/이 {when} {action}.",
    ),
)

ENGLISH_SENTENCES = Sentences(
    slots={
        "who": concepts("""a child|a kid, the doctor|the physician, my teacher|my instructor,
            a nurse, an old woman|an elderly lady, the cook|the chef, a student|a college student,
            our neighbour|the person next door, a tourist|a traveller, the farmer, a driver,
            the painter|the artist, two friends|a pair of friends, a writer|an author"""),
        "when": concepts("""yesterday|the day before, this morning|early today,
            last week|a week ago, at the weekend|on Saturday and Sunday,
            last summer|in the summer of last year, late at night|towards midnight,
            at noon|around midday, on a rainy day|while it rained, at dawn|at daybreak,
            during the holidays|over the holidays, at sunset|as the sun went down"""),
        "where": concepts("""in the park|in the public garden, at the library,
            at the market|by the stalls, at the railway station|at the train stop,
            at school|in the schoolyard, on the beach|by the sea, in the museum,
            at a cafe|in a coffee house, at the hospital|in the clinic, at the bus stop,
            by the lake|near the lake, on the square|in the plaza"""),
        "action": concepts("""met a friend|ran into a friend, took photographs|shot some pictures,
            read a book|finished a novel, had a meal|ate something, sang a song|sang loudly,
            asked for directions|asked the way, wrote a letter|put a letter on paper,
            answered the phone|took a call, lost an umbrella|left an umbrella behind,
            found a wallet|picked up a purse, drew a picture|made a sketch, took a nap|fell asleep,
            practised a dance|rehearsed some steps, bought a hat|paid for a new hat,
            drank tea|sipped hot tea, repaired a bicycle|fixed a bike,
            laughed aloud|burst out laughing, picked up litter|cleared away rubbish"""),
    },
    orders=("{when}, {who} {action} {where}.", "{who} {action} {where} {when}."),
)
