"""Run the behavioural tests of packs on the final model."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from foldline.augmentation.requests import TextPair
from foldline.core.errors import listing
from foldline.core.io.components import Options
from foldline.core.io.files import read_json
from foldline.core.io.labels import MAIN, Labels
from foldline.core.io.preprocessing import NAME, Preprocessing
from foldline.core.io.seeds import derive_seed
from foldline.core.params import Evaluate
from foldline.data.text_cleaner import restore_cleaner
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.members import MODEL
from foldline.evaluation.behaviour.cases import Case, CaseMaker, sort_rows
from foldline.evaluation.behaviour.classes import ClassNames, check_own_names
from foldline.evaluation.behaviour.judgement import Judge
from foldline.evaluation.behaviour.predictions import TextPredictor
from foldline.evaluation.behaviour.report import KEY, report_test
from foldline.evaluation.behaviour.selection import NONE, select_packs, skip_test
from foldline.evaluation.behaviour.spec import BehaviourTest, Pack
from foldline.metrics.intervals import bootstrap_intervals
from foldline.metrics.registry import measure
from foldline.models import registry

SHARES = (0.0, 0.05, 0.1, 0.2, 0.4)  # of noise in perturbation curves
DETECTED = 1000  # rows whose language is looked at
NO_CASES = "no text has anything that it changes"
NO_TEST = "there are no test rows, and the models have learnt from all others"


def make_behaviour_report(
    ensemble: Ensemble,
    labels: Labels,
    rows: pd.DataFrame,
    part: str,
    options: Evaluate,
    components: Options,
    seed: int,
) -> dict[str, Any]:
    """Return `behaviour`: the tests of the packs with pass rates, skipped tests, and curves.

    `rows` are those judged, and `part` is their name. Only test rows have curves. Without packs
    nothing is returned.

    Raises:
        FoldlineError: for a malformed pack, or names of labels or classes that do not exist.
    """
    own = options.behaviour
    if own.packs == NONE:
        return {}
    rows = sort_rows(rows, seed)
    packs, skipped = select_packs(own.packs, rows["text"].iloc[:DETECTED].tolist())
    check_own_names(own.labels, labels, list(packs.values()))
    used = Preprocessing.load(MODEL / NAME)
    has_pairs = used.text_pair is not None
    maker = CaseMaker(rows, restore_cleaner(used), own.sample, seed, components, has_pairs)
    run = BehaviourRun(labels, ClassNames(labels, own.labels), maker, options, part)
    run.collect(packs, explain_no_predictions(ensemble))
    predictor = TextPredictor(ensemble, labels.task, run.list_texts()) if run.is_ready else None
    content = {
        "part": part,
        "tests": run.report_tests(predictor) if predictor else [],
        "skipped": skipped + run.skipped,
        "curves": run.report_curves(predictor) if predictor else [],
    }
    return {KEY: content}


class BehaviourRun:
    """The cases of all tests, which are predicted at once, and what their predictions show."""

    def __init__(
        self, labels: Labels, names: ClassNames, maker: CaseMaker, options: Evaluate, part: str
    ) -> None:
        self.labels, self.names, self.maker = labels, names, maker
        self.options, self.part = options, part
        self.skipped: list[dict[str, Any]] = []
        self._cases: list[tuple[BehaviourTest, str, Pack, list[Case]]] = []
        self._curves: list[tuple[BehaviourTest, str, pd.DataFrame, list[list[TextPair]]]] = []

    @property
    def is_ready(self) -> bool:
        """Return whether there is anything to predict."""
        return bool(self._cases or self._curves)

    def collect(self, packs: dict[str, Pack], absence: str | None) -> None:
        """Make the cases of all tests; `absence` is why there can be none."""
        for name, pack in packs.items():
            for test in pack.tests:
                reason = (
                    absence
                    or self.names.explain_absence(test, pack)
                    or self.maker.explain_absence(test)
                    or self._add(test, name, pack)
                )
                if reason:
                    self.skipped.append(skip_test(test, name, reason))

    def _add(self, test: BehaviourTest, name: str, pack: Pack) -> str | None:
        """Make the cases of a test; return why it has none."""
        if test.kind == "perturbation":
            if self.part != "test":
                return NO_TEST
            rows = self.maker.sample_rows(pack)
            points = [self.maker.perturb(rows, test, share) for share in SHARES]
            self._curves.append((test, name, rows, points))
            return None if len(rows) else NO_CASES
        if cases := self.maker.make_cases(test, pack):
            self._cases.append((test, name, pack, cases))
        return None if cases else NO_CASES

    def list_texts(self) -> Iterator[TextPair]:
        """Yield all texts to predict."""
        for _, _, _, cases in self._cases:
            for case in cases:
                yield from filter(None, (case.before, case.after))
        for _, _, _, points in self._curves:
            for point in points:
                yield from point

    def report_tests(self, predictor: TextPredictor) -> list[dict[str, Any]]:
        """Return what the report has of each test."""
        task, target = self.labels.task, self.maker.rows["label"]
        numbers = self.labels.encode(target) if task == "regression" else np.zeros(1)
        judge = Judge(self.labels, self.names, float(np.std(numbers)) if len(numbers) else 0.0)
        reports = []
        for test, name, pack, cases in self._cases:
            before = [case.before for case in cases if case.before is not None]
            judgement = judge.judge(
                test,
                pack,
                predictor.predict(before) if before else None,
                predictor.predict([case.after for case in cases]),
            )
            own = test.min_pass_rate
            required = self.options.behaviour.min_pass_rate if own is None else own
            reports.append(report_test(test, name, cases, judgement, self.options.level, required))
        return reports

    def report_curves(self, predictor: TextPredictor) -> list[dict[str, Any]]:
        """Return the main metric of each curve by the share of noise, with intervals."""
        metric = MAIN[self.labels.task]
        return [
            {
                "name": test.name,
                "pack": name,
                "metric": metric,
                "count": len(rows),
                "points": [
                    {"share": share} | self._score(rows, predictor.predict(texts), metric)
                    for share, texts in zip(SHARES, points, strict=True)
                ],
            }
            for test, name, rows, points in self._curves
        ]

    def _score(self, rows: pd.DataFrame, values: np.ndarray, metric: str) -> dict[str, float]:
        labels, options = self.labels, self.options
        target, groups = labels.encode(rows["label"]), rows["group"].to_numpy(dtype=str)
        decided = labels.decide(values) if labels.thresholds else None
        score = measure(labels.task, target, values, None, [metric], decided, labels.classes)
        seed = derive_seed(self.maker.seed, "behaviour", "curve")
        interval = bootstrap_intervals(
            labels.task,
            target,
            values,
            groups,
            options.resamples,
            seed,
            options.level,
            [metric],
            decided,
            classes=labels.classes,
        )[metric]
        return {"score": score[metric]} | interval._asdict()


def explain_no_predictions(ensemble: Ensemble) -> str | None:
    """Return why the ensemble cannot predict new texts, None if it can."""
    if ensemble.revisions:
        return (
            f"{listing(ensemble.revisions)}: only the predictions of other experiments are here, "
            "not their models"
        )
    for name, folders in ensemble.list_models().items():
        kinds = registry.list_kinds(read_json(folders[0] / registry.CARD))
        if "external" in kinds:
            return f"member {name}: predictions of external.file are by id, whatever the text"
    return None
