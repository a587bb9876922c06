"""Common names of columns and files, in English and Korean."""

import re
import unicodedata
from functools import lru_cache
from itertools import product

# Compared without case, punctuation and spaces; the likeliest come first.
NAMES: dict[str, tuple[str, ...]] = {
    "text": (
        "text", "sentence", "document", "review", "comment", "content", "contents", "body",
        "message", "tweet", "utterance", "문장", "내용", "본문", "텍스트", "댓글", "리뷰", "문서",
        "발화", "기사", "headline", "question", "query", "질문", "title", "제목",
    ),
    "label": (
        "label", "labels", "target", "class", "category", "gold", "goldlabel", "라벨", "레이블",
        "분류", "정답", "클래스", "카테고리", "sentiment", "intent", "topic", "polarity", "감정",
        "주제", "choices", "choice", "score", "similarity", "rating", "stars", "severity", "점수",
        "평점", "유사도", "y",
    ),
    "id": ("id", "idx", "guid", "uid", "index", "key", "아이디", "번호", "일련번호", "식별자"),
    "group": (
        "group", "user", "author", "username", "reviewer", "writer", "speaker", "conv",
        "conversation", "dialog", "dialogue", "thread", "session", "patient", "customer", "그룹",
        "사용자", "작성자", "유저", "화자", "글쓴이",
    ),
    "time": (
        "date", "time", "datetime", "createdat", "timestamp", "created", "writtenat", "written",
        "publishedat", "published", "postedat", "날짜", "일시", "작성일", "작성일시", "등록일",
        "시간",
    ),
    "item": ("item", "example", "doc", "document", "instance", "sample", "text", "id", "문항"),
    "annotator": (
        "annotator", "rater", "coder", "worker", "labeler", "labeller", "judge", "평가자",
        "작업자", "어노테이터", "라벨러",
    ),
}  # fmt: skip
# Two texts of one row; names that end in 1 and 2, or a and b, need no entry.
PAIRS = (
    ("premise", "hypothesis"), ("전제", "가설"), ("question", "sentence"), ("query", "passage"),
    ("query", "document"), ("question", "answer"), ("질문", "답변"),
)  # fmt: skip
_ENTITY_ROLES = ("group", "item", "annotator")  # whose names may end in a word for identifiers
_ID_WORDS = ("id", "idx", "no", "num", "key")
QUANTITIES = ("score", "similarity", "rating", "stars", "severity", "점수", "평점", "유사도")
_PART_WORDS = {
    "sample": ("submission", "제출"),
    "predict": ("unlabeled", "unlabelled", "predict", "nolabel"),
    "annotations": ("annotations", "annotation", "judgements"),
    "train": ("train", "training", "학습", "훈련"),
    "valid": ("valid", "validation", "val", "dev", "검증"),
    "test": ("test", "테스트", "평가"),
}


@lru_cache(maxsize=1 << 16)
def normalize_name(name: str) -> str:
    """Return a key that spellings of a name share: `Sentence_1` and `sentence1`."""
    return "".join(letter for letter in _casefold(name) if letter.isalnum())


@lru_cache(maxsize=1 << 16)
def split_words(name: str) -> tuple[str, ...]:
    """Return the words of a name: `newsTitle` and `news_title` have two."""
    spaced = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", unicodedata.normalize("NFC", name))
    return tuple(word for word in re.split(r"[\W_]+", spaced.casefold()) if word)


def columns_by_name(role: str, names: list[str]) -> list[str]:
    """Return the columns whose names fit the role, the likeliest first.

    Exact names (`label`, `user_id`) come before names that contain the word (`review_text`).
    """
    candidates = list(product(NAMES[role], names))
    exact = [name for known, name in candidates if normalize_name(name) == known]
    identifiers = [
        name for known, name in candidates if normalize_name(name) in (f"{known}id", f"{known}no")
    ]
    partial = [name for known, name in candidates if _contains_word(role, known, name)]
    if role in _ENTITY_ROLES:
        return list(dict.fromkeys(exact + identifiers + partial))
    return [
        name for name in dict.fromkeys(exact + partial) if role == "id" or not _is_identifier(name)
    ]


def is_exact_name(role: str, name: str) -> bool:
    """Return whether a name is exactly one of the role's names."""
    return normalize_name(name) in NAMES[role]


def _contains_word(role: str, known: str, name: str) -> bool:
    """Return whether a name contains a word; for people and items, as the last before an id.

    Korean words are written together, with the head word last: 리뷰내용, 감정라벨.
    """
    words = split_words(name)
    if role in _ENTITY_ROLES:
        has_id = words[-1:] and words[-1] in (*_ID_WORDS, "name")
        words = words[-2:] if has_id else words[-1:]
    is_compound = not known.isascii() and role != "id" and normalize_name(name).endswith(known)
    return known in words or is_compound


def _is_identifier(name: str) -> bool:
    """Return whether a name is of an identifier, such as `text_id` or `label_no`."""
    return len(split_words(name)) > 1 and split_words(name)[-1] in _ID_WORDS


def pairs_by_name(names: list[str]) -> list[tuple[str, str]]:
    """Return pairs of columns whose names suggest two texts of one row."""
    columns = {normalize_name(name): name for name in names}
    numbered = [
        (name, name[:-1] + second)
        for first, second in (("1", "2"), ("a", "b"))
        for name in columns
        if name.endswith(first)
    ]
    return [
        (columns[first], columns[second])
        for first, second in (*numbered, *PAIRS)
        if first in columns and second in columns
    ]


def part_by_name(stem: str) -> str | None:
    """Return the part that a file's name suggests, or None: `test_unlabeled` is to be predicted."""
    words = set(split_words(stem))
    return next((part for part, known in _PART_WORDS.items() if set(known) & words), None)


def _casefold(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
