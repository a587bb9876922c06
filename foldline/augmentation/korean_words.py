"""Korean words by their morphemes (Kiwi): find them, and replace them with matching particles."""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, NamedTuple

from foldline.augmentation.hangul import is_hangul
from foldline.core.environment import install_command
from foldline.core.errors import FoldlineError

# Common nouns and adverbs: neighbours of verbs, adjectives and names are rarely synonyms.
TAGS = ("NNG", "MAG")
# Predicates, whose dictionary form ends in 다.
_STEMS = ("VV", "VA")
# Adverbs whose neighbours may reverse the meaning of a sentence.
_NEGATIONS = "안 못 잘 덜 더 별로 결코 전혀 그다지 거의 아니 과연 오히려 겨우"
_EXCLUDED = frozenset(_NEGATIONS.split())
_LINK = re.compile(r"://|@|^#")
# Cosine similarity of two words, and the number of nearest words used.
_MIN_SIMILARITY, _MAX_NEIGHBOURS = 0.65, 3


class Word(NamedTuple):
    """A morpheme with its dictionary form, and the span of the word that it is a part of."""

    lemma: str
    tag: str
    start: int
    end: int
    text: str
    tokens: tuple[tuple[str, str], ...]
    position: int

    def replace(self, new: str) -> str:
        """Return the word with another dictionary form, and matching particles and endings.

        The word stays as it is if Kiwi cannot even rebuild the old one.
        """
        if _join(self.tokens) != self.text:
            return self.text
        form = new.removesuffix("다") if self.tag in _STEMS else new
        tokens = list(self.tokens)
        tokens[self.position] = (form, self.tag)
        return _join(tuple(tokens))


@lru_cache(maxsize=1000)  # copies of one text follow each other
def find_words(text: str) -> tuple[Word, ...]:
    """Return the content words of a text, in order."""
    return tuple(_iterate_words(text))


def _iterate_words(text: str) -> Iterator[Word]:
    tokens = load_kiwi().tokenize(text)
    for start, end in _iterate_spans(text):
        own = [token for token in tokens if start <= token.start < end]
        split = own and own[-1].start + own[-1].len <= end
        if not split or not is_hangul(text[start:end]) or _LINK.search(text[start:end]):
            continue
        forms = tuple((token.form, token.tag) for token in own)
        for position, token in enumerate(own):
            tag = token.tag.partition("-")[0]
            if tag in (*TAGS, *_STEMS):
                yield Word(_lemma(token), tag, start, end, text[start:end], forms, position)


def iterate_lemmas(texts: list[str]) -> Iterator[set[str]]:
    """Yield the dictionary forms of each text's content words."""
    for tokens in load_kiwi().tokenize(texts):
        yield {_lemma(t) for t in tokens if t.tag.partition("-")[0] in (*TAGS, *_STEMS)}


def find_neighbours(word: Word) -> tuple[str, ...]:
    """Return the nearest nouns to a noun and adverbs to an adverb, by Kiwi's model.

    Parts of compounds have none: their neighbours do not form compounds.
    """
    after = word.tokens[word.position + 1 : word.position + 2]
    part = word.position > 0 or (after and after[0][1].startswith(("N", "X", "S")))
    return () if part or word.tag not in TAGS else _find_neighbours(word.lemma, word.tag)


@lru_cache(maxsize=100_000)
def _find_neighbours(lemma: str, tag: str) -> tuple[str, ...]:
    if lemma in _EXCLUDED or len(lemma) < 2:
        return ()
    try:
        similar = load_kiwi().most_similar_morphemes((lemma, tag))
    except ValueError:  # not in its model
        return ()
    alike = [
        f
        for f in similar
        if f.tag == tag and f.score >= _MIN_SIMILARITY and f.form not in _EXCLUDED
    ]
    # A noun inside a noun is a part or a kind of it: 배우, 여배우.
    whole = [f.form for f in alike if tag == "MAG" or not (lemma in f.form or f.form in lemma)]
    return tuple(whole[:_MAX_NEIGHBOURS])


@lru_cache(maxsize=1)
def load_kiwi() -> Any:
    """Load Kiwi once in a process: about 3 s and 0.75 GB.

    Raises:
        FoldlineError: if the package is not installed.
    """
    try:
        from kiwipiepy import Kiwi
    except ImportError as error:
        raise FoldlineError(
            f"synonyms of Korean words need Kiwi: `{install_command('kiwipiepy')}`, or add it to "
            "the dependencies in pyproject.toml, which run.py installs"
        ) from error
    return Kiwi(num_workers=1)


def _join(tokens: tuple[tuple[str, str], ...]) -> str:
    """Return the word that its morphemes form, without spaces."""
    first, *rest = tokens
    return str(load_kiwi().join([first, *((form, tag, False) for form, tag in rest)]))


def _lemma(token: Any) -> str:
    form = str(token.form)
    return f"{form}다" if token.tag.partition("-")[0] in _STEMS else form


def _iterate_spans(text: str) -> Iterator[tuple[int, int]]:
    start = 0
    for piece in text.split():
        start = text.index(piece, start)
        yield start, start + len(piece)
        start += len(piece)
