"""Korean words by their morphemes (Kiwi): found, replaced, their particles made to fit again."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from foldline.augmentation.hangul import is_hangul
from foldline.core.errors import FoldlineError

# Common nouns and adverbs: neighbours of verbs, adjectives and names are mostly no synonyms.
TAGS = ("NNG", "MAG")
# Predicates, whose dictionary form ends in 다.
_STEMS = ("VV", "VA")
# Adverbs whose neighbours turn a sentence round.
_TURNS = "안 못 잘 덜 더 별로 결코 전혀 그다지 거의 아니 과연 오히려 겨우"
_NEVER = frozenset(_TURNS.split())
_LINK = re.compile(r"://|@|^#")
# Cosine similarity of two words, and how many of the nearest are taken.
_LEAST, _MOST = 0.65, 3


class Word(NamedTuple):
    """A morpheme with its dictionary form, and the span of the word that it is a part of."""

    lemma: str
    tag: str
    start: int
    end: int
    text: str
    tokens: tuple[tuple[str, str], ...]
    place: int

    def fit(self, new: str) -> str:
        """Put another dictionary form in the morpheme's place, and mend particles and endings.

        The word stays as it is where Kiwi cannot give even the old one back.
        """
        if _joined(self.tokens) != self.text:
            return self.text
        form = new.removesuffix("다") if self.tag in _STEMS else new
        tokens = list(self.tokens)
        tokens[self.place] = (form, self.tag)
        return _joined(tuple(tokens))


@lru_cache(maxsize=1000)  # copies of one text follow each other
def words(text: str) -> tuple[Word, ...]:
    """Find the content words of a text, in their order."""
    return tuple(_words(text))


def _words(text: str) -> Iterator[Word]:
    tokens = kiwi().tokenize(text)
    for start, end in _spans(text):
        own = [token for token in tokens if start <= token.start < end]
        split = own and own[-1].start + own[-1].len <= end
        if not split or not is_hangul(text[start:end]) or _LINK.search(text[start:end]):
            continue
        forms = tuple((token.form, token.tag) for token in own)
        for place, token in enumerate(own):
            tag = token.tag.partition("-")[0]
            if tag in (*TAGS, *_STEMS):
                yield Word(_lemma(token), tag, start, end, text[start:end], forms, place)


def lemmas(texts: list[str]) -> Iterator[set[str]]:
    """Give the dictionary forms of each text's content words."""
    for tokens in kiwi().tokenize(texts):
        yield {_lemma(t) for t in tokens if t.tag.partition("-")[0] in (*TAGS, *_STEMS)}


def neighbours(word: Word) -> tuple[str, ...]:
    """Give the nearest nouns to a noun and adverbs to an adverb, by Kiwi's model.

    Parts of compounds have none: their neighbours make no compounds.
    """
    after = word.tokens[word.place + 1 : word.place + 2]
    part = word.place > 0 or (after and after[0][1].startswith(("N", "X", "S")))
    return () if part or word.tag not in TAGS else _neighbours(word.lemma, word.tag)


@lru_cache(maxsize=100_000)
def _neighbours(lemma: str, tag: str) -> tuple[str, ...]:
    if lemma in _NEVER or len(lemma) < 2:
        return ()
    try:
        found = kiwi().most_similar_morphemes((lemma, tag))
    except ValueError:  # not in its model
        return ()
    alike = [f for f in found if f.tag == tag and f.score >= _LEAST and f.form not in _NEVER]
    # A noun within a noun is a part or a kind of it: 배우, 여배우.
    whole = [f.form for f in alike if tag == "MAG" or not (lemma in f.form or f.form in lemma)]
    return tuple(whole[:_MOST])


@lru_cache(maxsize=1)
def kiwi() -> Any:
    """Load Kiwi once in a process: about 3 s and 0.75 GB.

    Raises:
        FoldlineError: where the package is not installed.
    """
    try:
        from kiwipiepy import Kiwi
    except ImportError as error:
        raise FoldlineError(
            "synonyms of Korean words need Kiwi: `pip install kiwipiepy`, or add it to the "
            "dependencies in pyproject.toml"
        ) from error
    return Kiwi(num_workers=1)


def _joined(tokens: tuple[tuple[str, str], ...]) -> str:
    """Join the morphemes of one word, without spaces in it."""
    first, *rest = tokens
    return str(kiwi().join([first, *((form, tag, False) for form, tag in rest)]))


def _lemma(token: Any) -> str:
    form = str(token.form)
    return f"{form}다" if token.tag.partition("-")[0] in _STEMS else form


def _spans(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for piece in text.split():
        start = text.index(piece, start)
        yield start, start + len(piece)
        start += len(piece)
