"""A part that breaks its contract is caught, with what is wrong and what to change."""

import re
from pathlib import Path

import pytest

from foldline.project.skeletons import render_skeleton
from foldline.testing import (
    ContractError,
    check_augmenter,
    check_cleaner,
    check_components,
    check_loss,
    check_metric,
)
from tests.helpers import projects
from tests.helpers.component_files import skeleton_with, write_component

TASKS = ("classification", "multilabel", "regression")
PREDICT = "return _probabilities(scores, self.labels.task)"
SCORES = "scores = _probabilities(scores, self.labels.task)\n        "


def contract_message(source: str, task: str = "classification") -> str:
    """Return the message about components/own.py with this source."""
    write_component("own", source)
    projects.make(Path(), task=task)
    with pytest.raises(ContractError) as error:
        check_components("components")
    return str(error.value)


@pytest.mark.parametrize("task", TASKS)
@pytest.mark.parametrize("kind", ["model", "augmenter", "loss", "metric", "cleaner"])
def test_skeletons_pass(kind, task, workplace):
    write_component("own", render_skeleton(kind, "own", task))
    projects.make(workplace, task=task)

    assert check_components("components") == [f"own: {kind}"]


@pytest.mark.parametrize(
    ("old", "new", "problem", "advice"),
    [
        (PREDICT, SCORES + "return scores[:, :2]", r"shape \(6, 2\), not \(6, 3\)", "a column for"),
        (PREDICT, SCORES + "return scores * np.nan", "18 of 18 predictions are NaN", "finite"),
        (PREDICT, SCORES + "return scores * 2", "predictions go from .* to 1", "softmax"),
        (PREDICT, SCORES + "return scores / 2", "sum to 0.5, not 1", "Divide each row"),
        (PREDICT, SCORES + "return scores.astype('f4')", "float32", "float64"),
        (
            PREDICT,
            SCORES + "return (scores + scores.mean(axis=0)) / 2",
            "alone has another prediction",
            "treat each row by itself",
        ),
        (PREDICT, SCORES + "return scores[np.argsort(rows.id)]", "in reverse order", "order"),
        (
            PREDICT,
            "rows['text'] = 'a'\n        " + PREDICT,
            "`predict` changed the table",
            "rows.copy()",
        ),
        (
            "_texts(job.train), _targets(job.train",
            "_texts(train := pd.concat([job.train, job.valid])), _targets(train",
            "other labels of the validation rows",
            "`fit` must learn from `job.train` alone",
        ),
        (
            "    pipeline.fit(",
            "    texts = ' '.join(_texts(pd.concat([job.valid, job.train.iloc[:3]])))\n"
            "    pipeline.set_params(tfidfvectorizer__vocabulary=sorted(set(texts)))\n"
            "    pipeline.fit(",
            "without validation rows the predictions differ",
            "`fit` must learn from `job.train` alone",
        ),
        (
            "    pipeline.fit(",
            "    job.train['label'] = job.train['label'].iloc[0]\n    pipeline.fit(",
            "`fit` changed the tables of the job",
            "job.train.copy()",
        ),
        (
            "_targets(job.train, job.labels)",
            "_targets(job.train.sample(frac=1), job.labels)",
            "two fits with the same seed",
            "job.recipe.seed",
        ),
        (
            'return Model(joblib.load(folder / "pipeline.joblib"), labels)',
            'pipeline = joblib.load(folder / "pipeline.joblib")\n'
            '    return Model(pipeline.fit(["a", "b", "c"], np.eye(3)), labels)',
            "a saved and loaded model gives other predictions",
            "Let `save` write all",
        ),
        (
            "FitResult(Model(pipeline, job.labels))",
            "pipeline",
            "`fit` returned",
            "Return `FitResult",
        ),
    ],
)
def test_a_broken_model_is_caught(old, new, problem, advice, workplace):
    message = contract_message(skeleton_with("model", old, new))

    assert re.search(problem, message), message
    assert message.startswith("components/own.py (model): ")
    assert advice in message


def test_a_model_that_stops_early_may_look_at_validation_rows(workplace):
    source = skeleton_with("model", "STOPS_EARLY = False", "STOPS_EARLY = True").replace(
        "_texts(job.train), _targets(job.train",
        "_texts(train := pd.concat([job.train, job.valid])), _targets(train",
    )
    write_component("own", source)
    projects.make(workplace)

    assert check_components("components") == ["own: model"]


def test_weights_that_change_nothing_are_caught(workplace):
    source = skeleton_with("model", "STOPS_EARLY = False", "USES_WEIGHTS = True")

    message = contract_message(source)

    assert "weights of the training rows change no prediction" in message
    assert "or remove `USES_WEIGHTS`" in message


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda batch: batch.texts[:-1], "came back for"),
        (lambda batch: [None for _ in batch.texts], "came back for"),
        (lambda batch: ["" for _ in batch.texts], "Never empty a text"),
        (lambda batch: list(batch.texts), "0 of 16 copies"),
        (lambda batch: [f"{text}." for text in batch.texts], "about the same"),
        (
            lambda batch: [f"{text} {batch.generators()[0].random()}" for text in batch.texts],
            "made alone differs",
        ),
    ],
)
def test_a_broken_augmenter_is_caught(function, problem):
    with pytest.raises(ContractError, match=problem):
        check_augmenter(function)


def test_an_augmenter_that_draws_from_a_global_generator_is_caught():
    import random

    with pytest.raises(ContractError, match="global generator"):
        check_augmenter(lambda batch: [f"{text} {random.random()}" for text in batch.texts])


@pytest.mark.parametrize(
    ("source", "problem"),
    [
        ("cross_entropy(logits, target)", "reduction='none'"),
        ("-cross_entropy(logits, target, reduction='none')", "below 0"),
        ("10 - cross_entropy(logits, target, reduction='none').clamp(max=9)", "right outputs cost"),
        ("cross_entropy(logits, target, reduction='none').detach()", "has no gradient"),
        (
            "(lambda e: e / e.detach().sum())(cross_entropy(logits, target, reduction='none'))",
            "with the other rows of its batch",
        ),
        ("cross_entropy(logits, target, reduction='none') * float('nan')", "NaN or infinite"),
        ("-logits.softmax(1).log().gather(1, target[:, None])[:, 0]", "NaN or infinite"),
    ],
)
def test_a_broken_loss_is_caught(source, problem, workplace):
    head = "def loss(logits, target):\n    from torch.nn.functional import cross_entropy\n"
    message = contract_message(f"{head}    return {source}\n")

    assert problem in message
    assert message.startswith("components/own.py (loss): ")


def test_a_loss_that_knows_no_shares_is_caught():
    def loss(logits, target):
        from torch.nn.functional import cross_entropy

        codes = target if target.ndim == 1 else target.argmin(dim=1)
        return cross_entropy(logits, codes, reduction="none")

    with pytest.raises(ContractError, match="shares"):
        check_loss(loss, "classification")


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("BEST, WORST = 1.0, 0.0", "", "does not state BEST and WORST"),
        ("BEST, WORST = 1.0, 0.0", "BEST, WORST = 2.0, 0.0", "perfect predictions have the value"),
        ("BEST, WORST = 1.0, 0.0", "BEST, WORST = 1.0, 0.99", "lies outside of"),
        ("weights=weights)", ")", "Without it the interval of the metric is wrong"),
        ("return float(np.average(hits, weights=weights))", "return hits", "Return one number"),
        ("    most_probable", "    weights[:] = 1\n    most_probable", "changed its inputs"),
        (
            "np.average(hits, weights=weights)",
            "np.average(np.sort(hits)[::-1] * (1 + 0 * weights), weights=weights) * hits[0]",
            "rows",
        ),
    ],
)
def test_a_broken_metric_is_caught(old, new, problem, workplace):
    message = contract_message(skeleton_with("metric", old, new))

    assert problem in message
    assert message.startswith("components/own.py (metric): ")


def test_a_metric_of_a_function_alone_has_no_range():
    with pytest.raises(ContractError, match="BEST and WORST"):
        check_metric(lambda target, predictions, weights: 1.0, "classification")


@pytest.mark.parametrize(
    ("function", "problem"),
    [
        (lambda text: None, "Return a str for every text"),
        (lambda text: f"{text}!", "Cleaning a clean text must change nothing"),
        (lambda text: "", "every text becomes empty"),
    ],
)
def test_a_broken_cleaner_is_caught(function, problem):
    with pytest.raises(ContractError, match=problem):
        check_cleaner(function)


def test_a_cleaner_that_remembers_is_caught():
    seen: set[str] = set()

    def clean(text: str) -> str:
        known = text in seen
        seen.update((text, "again"))
        return "again" if known else text

    with pytest.raises(ContractError):
        check_cleaner(clean)


def test_a_file_without_any_part_is_caught(workplace):
    message = contract_message("def helper(): ...\n")

    assert "components.own defines none of the functions" in message
    assert "start with _" in message
    assert "No module named 'nosuch'" in contract_message("import nosuch\n")


def test_half_a_model_is_caught(workplace):
    assert "has no function `load`" in contract_message("def fit(job): ...\n")


def test_a_contract_error_is_an_assertion():
    assert issubclass(ContractError, AssertionError)
