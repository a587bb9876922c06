"""The advice of diagnostics: each is followed, and the finding is gone."""

import argparse
import re
from typing import Any

import numpy as np
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.params import Recipe
from foldline.diagnostics import lr_range_test, overfit, token_checks
from foldline.diagnostics.initial_model import build_initial_model
from foldline.diagnostics.inputs import DiagnosticInputs
from foldline.diagnostics.verdicts import LOOK, OK, WRONG
from foldline.models.interface import Job


@pytest.fixture
def start(recipe, rows, labels, tmp_path) -> Any:
    """Build the model that a training starts from, over some texts."""

    def make(texts: list[str], dotted: dict | None = None, **top: Any) -> tuple[Any, Recipe]:
        table = rows(n=len(texts)).assign(text=texts)
        own = recipe(dotted, **top)
        job = Job(table, table.iloc[:0], labels("classification"), own, tmp_path)
        return build_initial_model(job), own

    return make


def test_longer_texts_are_read_as_the_finding_says(start) -> None:
    texts = ["하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 열"] * 20

    def check(**how: Any) -> Any:
        return token_checks.check_cut(*start(texts, **how))

    found = check(max_length=5)
    assert found.verdict == LOOK
    assert found.advice.startswith("raise max_length, or set train.long_text to window")
    assert check(max_length=200).verdict == OK
    assert check(max_length=5, dotted={"train.long_text": "window"}).verdict == OK
    tail = check(max_length=5, dotted={"train.long_text": "head_tail"})
    assert "head_tail" not in tail.advice


def test_less_is_padded_as_the_finding_says(start) -> None:
    texts = ["하나 둘"] * 15 + ["하나 둘 셋 넷 다섯 여섯 일곱 여덟 아홉 열 " * 4]

    def check(**how: Any) -> Any:
        return token_checks.check_padding(*start(texts, **how))

    found = check(max_length=200, batch_size=16)
    assert (found.verdict, found.advice) == (
        LOOK,
        "texts of very different lengths: lower batch_size or max_length",
    )
    assert check(max_length=200, batch_size=1).verdict == OK
    assert check(max_length=4, batch_size=16).verdict == OK


def test_a_script_is_covered_as_the_finding_says(start) -> None:
    texts = [" ".join(chr(0x4E00 + 20 * n + i) for i in range(20)) for n in range(20)]

    def check(**dotted: Any) -> Any:
        own = {f"scratch.{key}": value for key, value in dotted.items()}
        initial, _ = start(texts, dotted={"scratch.vocabulary": 60} | own)
        return token_checks.check_unknown(initial, initial.rows)

    found = check()
    assert found.verdict == WRONG
    assert check(vocabulary=2000).verdict == OK
    names = re.search(r"scratch\.tokenizer to (\w+) or (\w+)", found.advice).groups()
    assert WRONG not in [check(tokenizer=name).verdict for name in names]


@pytest.mark.parametrize("lr", [0.5, 1e-7])
def test_the_rates_that_are_named_are_right(lr) -> None:
    rates = [10 ** (-7 + step / 20) for step in range(141)]
    place = np.log10(rates)
    losses = 2 - 1 / (1 + np.exp(-6 * (place + 4))) + np.exp(4 * (place + 1.5))
    result = lr_range_test.analyse_curve(rates, losses.tolist())
    advice = lr_range_test.assess_lr(result, lr).advice
    named = re.search(r"lr (?:to )?(\S+) \.\. (\S+)", advice).groups()
    assert [lr_range_test.assess_lr(result, float(value)).verdict for value in named] == [OK, OK]


@pytest.mark.parametrize(
    ("module", "refused", "next_step"),
    [(lr_range_test, "tfidf", "run_range_test"), (overfit, "majority", "select_rows")],
)
def test_the_models_that_are_named_are_not_refused(
    module, refused, next_step, rows, labels, recipe, monkeypatch
) -> None:
    """What follows the refusal takes minutes, so it is left out."""

    class Continued(Exception):
        pass

    def go_on(*arguments: Any) -> None:
        raise Continued

    def run(model: str) -> None:
        inputs = DiagnosticInputs(recipe(model=model), labels("classification"), rows(), rows())
        monkeypatch.setattr(module, "load_inputs", lambda: inputs)
        module.run(argparse.Namespace())

    monkeypatch.setattr(module, next_step, go_on)
    with pytest.raises(FoldlineError) as caught:
        run(refused)
    names = re.findall(r"[Ss]et model to (scratch)|such as (\w+) or (\w+)", str(caught.value))
    for name in filter(None, names[0]):
        with pytest.raises(Continued):
            run(name)
