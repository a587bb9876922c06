"""Words of a text that have synonyms which speak for the same label."""

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
# Rows that must hold a neighbour: of rarer words neither the model nor the filter knows much.
SEEN = 3
# Answers of the filter that are kept in mind: words are few, but labels may be numbers.
KNOWN = 100_000


class Slot(NamedTuple):
    """A span of a text, what may stand in its place, and how that is made to fit in."""

    start: int
    end: int
    synonyms: tuple[str, ...]
    fit: Callable[[str], str]

    def drawn(self, share: float) -> str:
        """Give the synonym at a share in [0, 1) of their list."""
        return self.synonyms[int(share * len(self.synonyms))]


class Thesaurus:
    """Synonyms from the source that params name, filtered by what training rows say of words.

    Words of a table are matched whole, case aside; Hangul ones by their morphemes, whatever
    particles follow. WordNet and Kiwi are loaded when first needed, once in each process.

    Raises:
        FoldlineError: for a missing path, file or package.
    """

    def __init__(self, rows: pd.DataFrame, options: Synonym, task: str) -> None:
        self._source = options.source
        path = _path(options)
        self._table = read_tsv(path) if path and options.source == "tsv" else {}
        self._wordnet = path.resolve() if path and options.source == "wordnet" else None
        self._korean = self._source == "kiwi" or any(map(is_hangul, self._lexicon))
        texts = [f"{a}\n{b}" for a, b in zip(rows["text"], rows["text_pair"], strict=True)]
        documents = [{w.lower() for w in _WORD.findall(text)} for text in texts]
        if self._korean:
            for words, own in zip(documents, korean_words.lemmas(texts), strict=True):
                words |= own
        self._polarity = label_association.fitted(documents, rows["label"].tolist(), task)
        self._agreed: dict[tuple[str, tuple[str, ...], str], tuple[str, ...]] = {}

    def slots(self, text: str, label: str) -> list[Slot]:
        """Give the words of a text that have synonyms, in their order; none overlap."""
        found = list(self._latin(text, label))
        if not self._korean or not is_hangul(text):
            return found
        found += self._hangul(text, label)
        kept: list[Slot] = []
        for slot in sorted(found, key=lambda slot: slot.start):
            if not kept or slot.start >= kept[-1].end:  # one change to a word with its particles
                kept.append(slot)
        return kept

    @property
    def _lexicon(self) -> Lexicon:
        return read_wordnet(self._wordnet) if self._wordnet else self._table

    def _latin(self, text: str, label: str) -> Iterator[Slot]:
        lexicon = self._lexicon
        for found in _WORD.finditer(text) if lexicon else ():
            word = found[0].lower()
            if word in lexicon and not (self._korean and is_hangul(word)):
                synonyms = self._alike(word, lexicon[word], label)
                if synonyms:
                    yield Slot(*found.span(), synonyms, partial(_as_written, found[0]))

    def _hangul(self, text: str, label: str) -> Iterator[Slot]:
        lexicon = self._lexicon
        for word in korean_words.words(text):
            others = lexicon.get(word.lemma, ())
            if self._source == "kiwi":  # a model's neighbours: only what rows can vouch for
                others = tuple(
                    o for o in korean_words.neighbours(word) if self._polarity.seen(o) >= SEEN
                )
            synonyms = self._alike(word.lemma, others, label)
            if synonyms:
                yield Slot(word.start, word.end, synonyms, word.fit)

    def _alike(self, word: str, others: tuple[str, ...], label: str) -> tuple[str, ...]:
        asked = (word, others, label)
        if asked not in self._agreed:
            if len(self._agreed) >= KNOWN:
                self._agreed.clear()
            self._agreed[asked] = tuple(
                o for o in others if label_association.agree(self._polarity, word, o.lower(), label)
            )
        return self._agreed[asked]


def _path(options: Synonym) -> Path | None:
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


def _as_written(word: str, new: str) -> str:
    """Give a synonym the capitals of the word that it replaces."""
    if word.isupper() and len(word) > 1:
        return new.upper()
    return new[:1].upper() + new[1:] if word[:1].isupper() else new
