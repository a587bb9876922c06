"""What a test expects of predictions, and which cases fail it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from foldline.core.io.labels import Labels
from foldline.evaluation.behaviour.classes import ClassNames
from foldline.evaluation.behaviour.spec import VALUE, BehaviourTest, Pack


class Judgement(NamedTuple):
    """Of n cases: whether each failed, how far it was off, and what examples show of it."""

    failed: np.ndarray
    distance: np.ndarray
    expected: list[Any]
    before: list[Any]
    after: list[Any]


@dataclass(frozen=True)
class Judge:
    """Judges predictions (n, c) or (n,) before and after changes.

    `spread` is the standard deviation of the labels of regression, the unit of tolerances there.
    """

    labels: Labels
    names: ClassNames
    spread: float

    def judge(
        self, test: BehaviourTest, pack: Pack, before: np.ndarray | None, after: np.ndarray
    ) -> Judgement:
        """Return the judgement of a test's cases; without a change there is no `before`."""
        if before is None:
            return (
                self._judge_range(test, after)
                if test.between
                else self._judge_class(test, pack, after)
            )
        if test.kind == "directional":
            return self._judge_direction(test, pack, before, after)
        return self._judge_unchanged(test, before, after)

    def _judge_class(self, test: BehaviourTest, pack: Pack, after: np.ndarray) -> Judgement:
        codes = self._find_codes(test.list_roles(), pack)
        decided = self.labels.decide(after)
        if self.labels.task == "multilabel":
            passed = decided[:, codes].any(axis=1)
        else:
            passed = np.isin(decided, codes)
        expected = " or ".join(self.labels.classes[code] for code in codes)
        n = len(after)
        failed, distance = np.asarray(~passed), 1 - after[:, codes].max(axis=1)
        return Judgement(failed, distance, [expected] * n, [None] * n, self._show(after))

    def _judge_range(self, test: BehaviourTest, after: np.ndarray) -> Judgement:
        low, high = sorted(test.between or [])
        off, n = np.maximum(low - after, after - high), len(after)
        return Judgement(off > 0, off, [f"{low:g} to {high:g}"] * n, [None] * n, self._show(after))

    def _judge_unchanged(
        self, test: BehaviourTest, before: np.ndarray, after: np.ndarray
    ) -> Judgement:
        off = np.abs(after - before)
        shown = self._show(before)
        if self.labels.task == "regression":
            tolerance = test.tolerance * self.spread
            expected = [f"{value} +- {tolerance:.4g}" for value in shown]
            return Judgement(off > tolerance, off, expected, shown, self._show(after))
        differs = self.labels.decide(before) != self.labels.decide(after)
        failed = differs.any(axis=1) if differs.ndim > 1 else differs
        return Judgement(np.asarray(failed), off.max(axis=1), shown, shown, self._show(after))

    def _judge_direction(
        self, test: BehaviourTest, pack: Pack, before: np.ndarray, after: np.ndarray
    ) -> Judgement:
        role, sign = (test.raises, 1) if test.raises else (test.lowers, -1)
        unit, name = self.spread, VALUE
        if role != VALUE:
            codes, unit = self._find_codes([str(role)], pack), 1.0
            combine = np.max if self.labels.task == "multilabel" else np.sum
            before, after = (combine(own[:, codes], axis=1) for own in (before, after))
            name = " or ".join(self.labels.classes[code] for code in codes)
        off = sign * (before - after)
        expected = f"{name} {'higher' if sign > 0 else 'lower'}"
        shown = [np.round(own, 4).tolist() for own in (before, after)]
        return Judgement(off > test.tolerance * unit, off, [expected] * len(after), *shown)

    def _find_codes(self, roles: Sequence[str], pack: Pack) -> list[int]:
        return sorted({code for role in roles for code in self.names.find_codes(role, pack)})

    def _show(self, predictions: np.ndarray) -> list[Any]:
        if self.labels.task == "regression":
            return np.round(predictions, 4).tolist()  # type: ignore[no-any-return]
        return list(self.labels.decode(predictions))
