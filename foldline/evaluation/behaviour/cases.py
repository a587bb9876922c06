"""The cases of a test: texts of templates or of rows, before and after a change."""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from itertools import compress
from typing import NamedTuple

import numpy as np
import pandas as pd

from foldline.augmentation.augmenters import ComponentAugmenter, TextwiseAugmenter
from foldline.augmentation.hangul import is_hangul
from foldline.augmentation.requests import CopyRequest, TextPair
from foldline.core.io.components import Options, is_component
from foldline.core.io.seeds import derive_seed, rank_keys
from foldline.data.text_cleaner import Cleaner
from foldline.evaluation.behaviour.perturbations import TermSwap, make_perturbation
from foldline.evaluation.behaviour.spec import BehaviourTest, Pack
from foldline.evaluation.behaviour.templates import fill_templates

MAX_SWAPS = 3  # exchanges of the terms of one text
BLOCK = 500  # rows that are changed at once until a test has enough


class Source(NamedTuple):
    """A text that may be changed; those of one `group` are not independent. `id` is a row's."""

    texts: TextPair
    group: str
    id: str | None


class Case(NamedTuple):
    """The texts as models read them, before and after a change; templates may have no change."""

    before: TextPair | None
    after: TextPair
    source: Source


@dataclass(frozen=True)
class CaseMaker:
    """Makes the cases of tests: judged rows in random order, the cleaner of texts, the limit.

    `rows` (id, text, text_pair, label, group) are cleaned already.
    """

    rows: pd.DataFrame
    clean: Cleaner
    limit: int
    seed: int
    components: Options
    has_pairs: bool

    def explain_absence(self, test: BehaviourTest) -> str | None:
        """Return why a test has no texts for these models, None if it has."""
        if not test.templates:
            return "there are no rows to judge" if self.rows.empty else None
        is_pair = len(test.list_texts()[0]) == 2
        if is_pair != self.has_pairs:
            return f"the models read {'text pairs' if self.has_pairs else 'single texts'}"
        return None

    def make_cases(self, test: BehaviourTest, pack: Pack) -> list[Case]:
        """Return the cases of a test, at most the limit; texts that do not change have none."""
        cases = []
        for case in self._iterate(test, pack):
            if any(text.strip() for text in case.after) and case.before != case.after:
                cases.append(case)
            if len(cases) == self.limit:
                break
        return cases

    def sample_rows(self, pack: Pack) -> pd.DataFrame:
        """Return the rows of the pack's language, at most the limit."""
        return self._rows_of(pack).iloc[: self.limit]

    def perturb(self, rows: pd.DataFrame, test: BehaviourTest, share: float) -> list[TextPair]:
        """Return the cleaned texts of rows with a share of noise, 0 for none."""
        sources = list(_list_sources(rows))
        if not share:
            return [self._clean(source.texts) for source in sources]
        change = make_perturbation(str(test.perturb), share)
        return [self._clean(own) for own in self._augment(sources, test.name, change)]

    def _iterate(self, test: BehaviourTest, pack: Pack) -> Iterator[Case]:
        change = self._make_change(test, pack)
        for block in self._list_blocks(test, pack):
            if change is None:
                yield from (Case(None, self._clean(source.texts), source) for source in block)
                continue
            for source, changed in zip(block, change(block), strict=True):
                for own in changed:
                    if own != source.texts:
                        yield Case(self._clean(source.texts), self._clean(own), source)

    def _list_blocks(self, test: BehaviourTest, pack: Pack) -> Iterator[list[Source]]:
        if test.templates:
            yield [
                Source((texts[0], texts[1] if len(texts) > 1 else ""), f"template {number}", None)
                for number, texts in fill_templates(test, pack, self.limit, self.seed)
            ]
            return
        sources = self._sources_of(pack)
        for start in range(0, len(sources), BLOCK):
            yield sources[start : start + BLOCK]

    def _make_change(
        self, test: BehaviourTest, pack: Pack
    ) -> Callable[[list[Source]], Iterable[list[TextPair]]] | None:
        """Return the function that gives the changed texts of sources; None without a change."""
        if test.add:
            phrases = test.add
            return lambda block: [[_add(source, phrases, self.seed)] for source in block]
        if groups := [own for name in test.list_swaps() for own in pack.list_groups(name)]:
            swap = TermSwap(groups)
            return lambda block: [_swap_all(source, swap) for source in block]
        if not test.perturb:
            return None
        if is_component(test.perturb):
            change: Callable[..., list[str]] = ComponentAugmenter(test.perturb, self.components)
        else:
            change = make_perturbation(test.perturb, test.share)
        return lambda block: [[own] for own in self._augment(block, test.name, change)]

    def _augment(
        self, sources: list[Source], name: str, change: Callable[..., list[str]]
    ) -> list[TextPair]:
        seed = derive_seed(self.seed, "behaviour")
        requests = [
            CopyRequest(*source.texts, "", source.id or " ".join(source.texts), 0)
            for source in sources
        ]
        return TextwiseAugmenter(seed, name, change)(requests, 0)

    def _clean(self, texts: TextPair) -> TextPair:
        return self.clean(texts[0]), self.clean(texts[1])

    def _rows_of(self, pack: Pack) -> pd.DataFrame:
        return self.rows[self._find_own(pack)]

    def _sources_of(self, pack: Pack) -> list[Source]:
        return list(compress(self._sources, self._find_own(pack)))

    def _find_own(self, pack: Pack) -> np.ndarray:
        """Return whether each row is in the pack's language, (n,)."""
        if pack.language is None:
            return np.ones(len(self.rows), dtype=bool)
        return self._is_korean if pack.language == "ko" else ~self._is_korean

    @cached_property
    def _sources(self) -> list[Source]:
        return list(_list_sources(self.rows))

    @cached_property
    def _is_korean(self) -> np.ndarray:
        """Return whether each row has Hangul; others are those of an English pack: (n,)."""
        return np.array([is_hangul(text) for text in self.rows["text"]], dtype=bool)


def sort_rows(rows: pd.DataFrame, seed: int) -> pd.DataFrame:
    """Return rows in a random order that does not depend on their order."""
    keys = rank_keys(derive_seed(seed, "behaviour", "rows"), rows["id"].tolist())
    return rows.iloc[np.argsort(keys, kind="stable")]


def _list_sources(rows: pd.DataFrame) -> Iterator[Source]:
    columns = (rows[name].tolist() for name in ("text", "text_pair", "group", "id"))
    for text, pair, group, row in zip(*columns, strict=True):
        yield Source((text, pair), group, row)


def _add(source: Source, phrases: list[str], seed: int) -> TextPair:
    name = source.id or " ".join(source.texts)
    phrase = phrases[derive_seed(seed, "behaviour", "phrase", name) % len(phrases)]
    return f"{source.texts[0]} {phrase}", source.texts[1]


def _swap_all(source: Source, swap: TermSwap) -> list[TextPair]:
    """Return the texts with other terms, MAX_SWAPS at most; equal ones once."""
    changed: dict[TextPair, None] = {}
    for shift in range(1, swap.shifts + 1):
        text, pair = (swap.swap(text, shift) for text in source.texts)
        if (text, pair) == source.texts:
            break
        changed[text, pair] = None
        if len(changed) == MAX_SWAPS:
            break
    return list(changed)
