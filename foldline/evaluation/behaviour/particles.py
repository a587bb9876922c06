"""Korean particles, whose form depends on whether the word before ends in a consonant."""

import re

# After a consonant, and after a vowel.
PAIRS = {
    "은": "는",
    "이": "가",
    "을": "를",
    "과": "와",
    "으로": "로",
    "이랑": "랑",
    "이나": "나",
    "이라": "라",
    "이라는": "라는",
    "이라고": "라고",
    "이다": "다",
    "이고": "고",
    "이며": "며",
    "이지만": "지만",
    "이에요": "예요",
    "이었다": "였다",
    "이네요": "네요",
}
_FORMS = PAIRS | {vowel: consonant for consonant, vowel in PAIRS.items()}
_OTHERS = (
    "의 에 에게 에서 에는 에도 도 만 한테 께 께서 처럼 보다 까지 부터 마다 밖에 뿐 인 인데 입니다"
)
_LONGEST_FIRST = sorted([*_FORMS, *_OTHERS.split()], key=len, reverse=True)
# What may follow a noun up to the end of its word; 들 is the plural.
NOUN_ENDING = re.compile(f"(들)?({'|'.join(_LONGEST_FIRST)})?(?![가-힣])")
_CHOICE = re.compile(
    f"([가-힣])({'|'.join(sorted((f'{c}/{v}' for c, v in PAIRS.items()), key=len, reverse=True))})"
)
# The object particle. 을 also ends verbs (먹을, 좋았을), so only after nouns that these are not.
_OBJECT = re.compile(r"(?<=[가-힣])를(?=\s)|(?<=[가-힣]{2})을(?=\s)")
_VERB_ENDS = "었았했였겠있없같많싫높낮작좋받먹앉찾읽잡벗씻묻믿닫얻웃참넘죽적않찍"


def ends_in_consonant(word: str) -> bool:
    """Return whether the last syllable has a final consonant; False for other scripts."""
    return "가" <= word[-1:] <= "힣" and (ord(word[-1]) - ord("가")) % 28 > 0


def choose_particles(text: str) -> str:
    """Return a text with the fitting one of each pair of particles such as 은/는."""
    return _CHOICE.sub(lambda match: match[1] + _choose(match[1], match[2].split("/")[0]), text)


def adapt_particle(word: str, particle: str) -> str:
    """Return the form of a particle, in either form, after a word."""
    consonant_form = particle if particle in PAIRS else _FORMS.get(particle)
    return particle if consonant_form is None else _choose(word, consonant_form)


def drop_object_particles(text: str) -> str:
    """Return a text without 을 and 를 after nouns, as in speech."""

    def drop(match: re.Match[str]) -> str:
        before = text[match.start() - 1]
        return match[0] if match[0] == "을" and before in _VERB_ENDS else ""

    return _OBJECT.sub(drop, text)


def _choose(word: str, consonant_form: str) -> str:
    vowel_form = PAIRS[consonant_form]
    if consonant_form == "으로" and (ord(word[-1]) - ord("가")) % 28 == 8:  # after ㄹ
        return vowel_form
    return consonant_form if ends_in_consonant(word) else vowel_form
