"""Find words of a text that have synonyms associated with the same label."""

import re
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import NamedTuple

import pandas as pd

from foldline.augmentation import korean_words, label_association
from foldline.augmentation.hangul import is_hangul
from foldline.augmentation.lexicon import Lexicon, read_tsv, read_wordnet
from foldline.core.errors import FoldlineError
from foldline.core.params import Synonym

# A word that is no part of a link, an address, a name with digits or a tag.
_WORD = re.compile(r"(?<![\w@#/.'’])[^\W\d_]+(?:['’-][^\W\d_]+)*(?![\w@/]|[.:]\S|['’]\w)")
# Rows that must contain a neighbour: neither model nor filter knows much of rarer words.
MIN_ROWS = 3
# Cached results of the filter: words are few, but labels may be numbers.
MAX_CACHED = 100_000


class Slot(NamedTuple):
    """A span of a text, its synonyms, and the function that adapts a synonym to the span."""

    start: int
    end: int
    synonyms: tuple[str, ...]
    adapt: Callable[[str], str]

    def pick(self, number: float) -> str:
        """Return a synonym by a number in [0, 1)."""
        return self.synonyms[int(number * len(self.synonyms))]


class Thesaurus:
    """Synonyms from the source that params name, filtered by the labels of training rows.

    Words of a table match whole words, without case; Hangul words match morphemes, with any
    particles. WordNet and Kiwi are loaded when first needed, once in each process.

    Raises:
        FoldlineError: if a path, file or package is missing.
    """

    def __init__(self, rows: pd.DataFrame, options: Synonym, task: str) -> None:
        self._source = options.source
        path = _check_path(options)
        self._table = read_tsv(path) if path and options.source == "tsv" else {}
        self._wordnet = path.resolve() if path and options.source == "wordnet" else None
        self._korean = self._source == "kiwi" or any(map(is_hangul, self._lexicon))
        texts = [f"{a}\n{b}" for a, b in zip(rows["text"], rows["text_pair"], strict=True)]
        documents = [{w.lower() for w in _WORD.findall(text)} for text in texts]
        if self._korean:
            for words, own in zip(documents, korean_words.iterate_lemmas(texts), strict=True):
                words |= own
        self._association = label_association.fit_association(
            documents, rows["label"].tolist(), task
        )
        self._cache: dict[tuple[str, tuple[str, ...], str], tuple[str, ...]] = {}

    def find_slots(self, text: str, label: str) -> list[Slot]:
        """Return the words of a text that have synonyms, in order and without overlap."""
        slots = list(self._find_latin_slots(text, label))
        if not self._korean or not is_hangul(text):
            return slots
        slots += self._find_hangul_slots(text, label)
        kept: list[Slot] = []
        for slot in sorted(slots, key=lambda slot: slot.start):
            if not kept or slot.start >= kept[-1].end:  # one change to a word with its particles
                kept.append(slot)
        return kept

    @property
    def _lexicon(self) -> Lexicon:
        return read_wordnet(self._wordnet) if self._wordnet else self._table

    def _find_latin_slots(self, text: str, label: str) -> Iterator[Slot]:
        lexicon = self._lexicon
        for match in _WORD.finditer(text) if lexicon else ():
            word = match[0].lower()
            if word in lexicon and not (self._korean and is_hangul(word)):
                synonyms = self._filter_synonyms(word, lexicon[word], label)
                if synonyms:
                    yield Slot(*match.span(), synonyms, partial(match_case, match[0]))

    def _find_hangul_slots(self, text: str, label: str) -> Iterator[Slot]:
        lexicon = self._lexicon
        for word in korean_words.find_words(text):
            others = lexicon.get(word.lemma, ())
            if self._source == "kiwi":  # neighbours are guesses: rows must confirm them
                others = tuple(
                    o
                    for o in korean_words.find_neighbours(word)
                    if self._association.count_rows(o) >= MIN_ROWS
                )
            synonyms = self._filter_synonyms(word.lemma, others, label)
            if synonyms:
                yield Slot(word.start, word.end, synonyms, word.replace)

    def _filter_synonyms(self, word: str, others: tuple[str, ...], label: str) -> tuple[str, ...]:
        key = (word, others, label)
        if key not in self._cache:
            if len(self._cache) >= MAX_CACHED:
                self._cache.clear()
            self._cache[key] = tuple(
                o
                for o in others
                if label_association.is_consistent(self._association, word, o.lower(), label)
            )
        return self._cache[key]


def _check_path(options: Synonym) -> Path | None:
    if options.source == "kiwi":
        return None
    if options.path is None:
        what = "the table of synonyms" if options.source == "tsv" else "the folder with data.noun"
        raise FoldlineError(
            f"augment.synonym.path: is null, but augment.synonym.source={options.source} needs "
            f"{what}; put it under data/raw/ and name it, or use a method without synonyms (swap, "
            "delete, aeda, noise)"
        )
    return Path(options.path)


def match_case(word: str, new: str) -> str:
    """Return a synonym with the capitals of the word that it replaces."""
    if word.isupper() and len(word) > 1:
        return new.upper()
    return new[:1].upper() + new[1:] if word[:1].isupper() else new
