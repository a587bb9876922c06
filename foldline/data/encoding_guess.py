"""The encoding of a file that is not UTF-8, by how its characters look in each candidate."""

import re
from collections.abc import Callable
from dataclasses import dataclass

MAX_LINES = 2_000  # lines with bytes beyond ASCII that are looked at
_CERTAIN, _MARGIN = 0.75, 0.15  # the lowest score, and its lead over another reading
_FEWEST = 5  # letters of another alphabet, for it to be certain
_FEWEST_SIGNS = 3  # characters beyond ASCII, for an encoding that is rare
_FEW = 3  # syllables, for Korean to be certain beside another alphabet
_LATIN, _SYLLABLE = re.compile("[A-Za-z]"), re.compile("[가-힣]")
_WORDS = frozenset("àÀéáíóúÁÉÍÓÚ")  # letters that are words
_BEYOND = re.compile("[^\x00-\x7f]")
# The most frequent syllables, characters and letters of running texts.
_HANGUL = frozenset(
    "이다는고가지에하아한의도기은나화영리을서로어사인라들자보있만니스그시요게대를해정마무"
    "미수재데진주연전면말거여없으장네상부안우일내오했성음소것남제감종합개드생었동구신점과"
    "야적공까유비국모작좋너중러명세원트간와최조더건위같치할되짜운려터예단람현실문애래년타"
    "선배분입잘당랑히김저물레바르결용않런본경때습았봤각독반던임난평두식방프살심박발차토노"
    "관준못행망디함금속포밌알달계민혼루겠버회왜후불크냐출역매체편력된호강추처란파악별많든"
    "느듯린걸설집봐피막질복번키싶산군교좀격코양송쓰볼근직참카뭐눈백른청억열폭렇통였워울녀"
    "태색냥길언탄표약판름새줄누긴형학완친끝따슈월승먹희웃얼극돌석증머천님절받투션테품목올"
    "죽메티씨혜초또글넘플법즈날엔빠럽잼등슬갈답엄황필돈급잔병록족허외며브변귀충온윤케몰손"
    "담론슨업맞훈캐닌순릴늘존욕환깝논끼능겨져특술커죄액잡베검움락럼블홍림맨확놀께류범응멋"
    "뭔채힘권딸솔탈뷰퍼활괜앞왔될몇째찰낌짱첫창쁘"
    "ㅋㅎㅠㅜㅡㅇㄷㄱㄴㅅㅂㅈ"
)
_SIMPLIFIED = frozenset(
    "的一是不了在人有我他这个们中来上大为和国地到以说时要就出会可也你对生能而子那得于着下"
    "自之年过发后作里用道行所然家种事成方多经么去法学如都同现当没动面起看定天分还进好小部"
    "其些主样理心她本前开但因只从想实日军者意无力它与长把机十民第公此已工使情明性知全三又"
    "关点正业外将两高间由问很最重并物手应战向头文体政美相见被利什二等产或新己制身果加西斯"
    "月话合回特代内信表化老给世位次度门任常先海通教儿原东声提立及比员解水名真论处走义各入"
    "几口认条平系气题活尔更别打女变四神总何电数安少报才结反受目太量再感建务做接必场件计管"
    "期市直德资命山金指克许统区保至队形社便空决治展马科司五基眼书非则听白却界达光放强即像"
    "难且权思王象完设式色路记南品住告类求据程北边死张该交规万取拉格望觉术领共确传师观清今"
    "切院让识候带导争运视影演费浪服买价质快差客退货"
)
_TRADITIONAL = frozenset(
    "的一是不了在人有我他這個們中來上大為和國地到以說時要就出會可也你對生能而子那得於著下"
    "自之年過發後作裡用道行所然家種事成方多經麼去法學如都同現當沒動面起看定天分還進好小部"
    "其些主樣理心她本前開但因只從想實日軍者意無力它與長把機十民第公此已工使情明性知全三又"
    "關點正業外將兩高間由問很最重並物手應戰向頭文體政美相見被利什二等產或新己制身果加西斯"
    "月話合回特代內信表化老給世位次度門任常先海通教兒原東聲提立及比員解水名真論處走義各入"
    "幾口認條平系氣題活爾更別打女變四神總何電數安少報才結反受目太量再感建務做接必場件計管"
    "期市直德資命山金指克許統區保至隊形社便空決治展馬科司五基眼書非則聽白卻界達光放強即像"
    "難且權思王象完設式色路記南品住告類求據程北邊死張該交規萬取拉格望覺術領共確傳師觀清今"
    "切院讓識候帶導爭運視影演費浪服買價質快差客退貨"
)
_WESTERN = frozenset("àâäáãåæçèéêëìíîïñòóôöõøùúûüßÀÂÄÁÃÅÆÇÈÉÊËÌÍÎÏÑÒÓÔÖÕØÙÚÛÜœŒ")
_CENTRAL = frozenset("ąćęłńóśźżáčďéěíňřšťúůýžäöüßőűôľĺĄĆĘŁŃÓŚŹŻÁČĎÉĚÍŇŘŠŤÚŮÝŽÄÖÜŐŰÔĽ")
_TURKISH = frozenset("çğıöşüÇĞİÖŞÜâîû")
_ALPHABETS = {
    "cp1251": "оеаинтсрвлкмдпуя",
    "koi8_r": "оеаинтсрвлкмдпуя",
    "cp866": "оеаинтсрвлкмдпуя",
    "iso8859_5": "оеаинтсрвлкмдпуя",
    "cp1253": "αοιετσνηυρπκμλςίό",
    "iso8859_7": "αοιετσνηυρπκμλςίό",
    "cp1255": "יוהלאתרשמבנדעק",
    "cp1256": "الينمروتبةعدهس",
    "cp874": "านรกเอยงมลตวด่ส้ีัทไปบ",
}
_NEUTRAL = frozenset("\u3000、。「」『』！？（），．・：；～…·○●★☆♥♡→※“”‘’—《》〈〉￥ー")
_SIGNS = frozenset("’‘“”«»–—…•€£°©®™§¡¿´½¼·¢¥ªº‰")


@dataclass(frozen=True)
class Reading:
    """A candidate encoding, its score from 0 to 1, and how the first such line looks in it."""

    encoding: str
    score: float
    text: str


def rank_encodings(lines: list[bytes]) -> list[Reading]:
    """Return the readings of lines with bytes beyond ASCII, the likeliest first."""
    content = b"\n".join(lines[:MAX_LINES])
    readings = []
    for encoding, score in _candidates(content).items():
        text = content.decode(encoding, "replace")
        readings.append(Reading(encoding, min(1.0, score(text)), text))
    return sorted(readings, key=lambda reading: -reading.score)


def certain_encoding(readings: list[Reading]) -> str | None:
    """Return the best encoding where no other reading comes close, else None."""
    best = readings[0]
    rivals = [reading for reading in readings if reading.text != best.text]
    # Other letters hardly ever read as frequent syllables alone, as in Korean names of columns.
    if best.encoding == "cp949" and best.score == 1 and len(_SYLLABLE.findall(best.text)) >= _FEW:
        rivals = [reading for reading in rivals if reading.encoding not in _ALPHABETS]
    others = [reading.score for reading in rivals]
    is_certain = best.score >= _CERTAIN and best.score - max(others, default=0) >= _MARGIN
    return best.encoding if is_certain else None


def find_utf16(content: bytes) -> str | None:
    """Return the form of UTF-16 without a byte order mark, or None: its separators hold NUL."""
    if len(content) % 2:
        return None
    start = content[: 1 << 16]
    little = sum(start[0::2].count(mark) for mark in (b"\n", b",", b"\t", b"{", b";"))
    counts = {
        "utf-16-le": sum(b == 0 for b in start[1::2]),
        "utf-16-be": sum(b == 0 for b in start[0::2]),
    }
    name = max(counts, key=lambda name: counts[name])
    if not little and not counts[name]:
        return None
    try:
        text = content.decode(name)
    except UnicodeDecodeError:
        return None
    return name if "\0" not in text and "\n" in text else None


def _candidates(content: bytes) -> dict[str, Callable[[str], float]]:
    """Return the scores by encoding; of encodings that read alike, the first is named."""
    # Latin-9 has the euro sign where nobody needs Latin-1, and no characters from 0x80 to 0x9f.
    is_latin9 = b"\xa4" in content and not any(0x80 <= byte < 0xA0 for byte in set(content))
    return {
        "iso8859_15" if is_latin9 else "cp1252": lambda text: (
            _letter_share(text, _WESTERN, _SIGNS | {"\xa0"}) / 0.9
        ),
        "cp949": lambda text: _hangul_share(text) / 0.85,
        "gb18030": lambda text: _common_share(text, _SIMPLIFIED | _TRADITIONAL) / 0.5,
        "big5": lambda text: _common_share(text, _TRADITIONAL) / 0.5,
        "shift_jis": lambda text: _kana_share(text) / 0.3,
        "euc_jp": lambda text: _kana_share(text) / 0.3,
        "mac_roman": lambda text: _rare_share(text, _WESTERN),
        "cp850": lambda text: _rare_share(text, _WESTERN),
        "cp1250": lambda text: _rare_share(text, _CENTRAL),
        "iso8859_2": lambda text: _rare_share(text, _CENTRAL),
        "cp1254": lambda text: _rare_share(text, _TURKISH),
    } | {name: _alphabet_scorer(letters) for name, letters in _ALPHABETS.items()}


def _share(good: int, characters: list[str]) -> float:
    counted = sum(character not in _NEUTRAL for character in characters)
    return good / counted if counted else 0.0


def _all_signs(text: str) -> bool:
    """Return whether a text has signs alone beyond ASCII, as typography writes them."""
    return all(character in "‘’“”·…—―–" for character in _BEYOND.findall(text))


def _common_share(text: str, common: frozenset[str]) -> float:
    """Return the share of common characters; one inside a Latin word counts for none."""
    characters = _BEYOND.findall(text)
    if _all_signs(text):
        return 0.6
    inside = re.findall(r"(?<=[A-Za-z])[^\x00-\x7f](?=[A-Za-z])", text)
    good = sum(character in common for character in characters)
    return _share(good - sum(character in common for character in inside), characters)


def _hangul_share(text: str) -> float:
    """Return the share of common syllables; Chinese characters among as many of them are none."""
    syllables = [character for character in text if "가" <= character <= "힣"]
    ideographs = sum("一" <= character <= "鿿" for character in text)
    common = sum(character in _HANGUL for character in syllables)
    if ideographs <= len(syllables) and common > 0.9 * len(syllables):
        text = re.sub("[一-鿿]", "", text)
    return _common_share(text, _HANGUL)


def _kana_share(text: str) -> float:
    characters = _BEYOND.findall(text)
    if any("\uff61" <= character <= "\uff9f" for character in characters):  # any byte reads so
        return _share(sum("ぁ" <= c <= "ヶ" for c in characters), characters) / 2
    return _share(sum("ぁ" <= character <= "ヶ" for character in characters), characters)


def _alphabet_scorer(letters: str) -> Callable[[str], float]:
    common = frozenset(letters)

    def score(text: str) -> float:
        characters = _BEYOND.findall(text)
        words = re.findall(r"[^\x00-\x7f]{2,}", text)
        good = sum(character in common for word in words for character in word)
        return _share(good, characters) / 0.75 * min(1, len(characters) / _FEWEST)

    return score


def _rare_share(text: str, letters: frozenset[str]) -> float:
    """Return the share of letters for an encoding that needs more evidence."""
    count = len(_BEYOND.findall(text))
    return 0.85 * _letter_share(text, letters, _SIGNS) * min(1, count / _FEWEST_SIGNS)


def _letter_share(text: str, letters: frozenset[str], signs: frozenset[str]) -> float:
    """Return the share of letters and signs that stand where such texts have them."""
    good, total = 0, 0
    for match in _BEYOND.finditer(text):
        at, character = match.start(), match[0]
        before, behind = text[at - 1 : at], text[at + 1 : at + 2]
        total += 1
        if character in letters:
            run = text[max(0, at - 1) : at + 2]
            alone = not (len(run) == 3 and all(_BEYOND.match(letter) for letter in run))
            joins = _LATIN.match(before) or _LATIN.match(behind) or character in _WORDS
            good += bool(joins) and alone and not (character.isupper() and before.islower())
        elif character in signs:
            good += _fits_sign(character, before, behind)
    return good / total if total else 0.0


def _fits_sign(character: str, before: str, behind: str) -> bool:
    """Return whether a sign stands where texts have it: `¿` before a word, `’` in one."""
    if character in "¿¡":
        return behind.isalpha() and not before.isalpha()
    if character in "°½¼ªº":
        return before.isdigit() or before in ("", " ", "-", ",")
    return character == "’" or not (before.isalpha() and behind.isalpha())
