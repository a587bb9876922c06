"""`Predictor`: every kind of model predicts new texts as the stage `predict` does."""

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

import foldline
from foldline import Predictor
from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.preprocessing import FILE, NAME, Preprocessing
from foldline.core.params.model_kinds import CLASSES_ONLY
from foldline.ensembling.members import MODEL
from foldline.models import registry
from tests.helpers import projects
from tests.helpers.component_files import write_component, write_skeleton
from tests.helpers.marks import mark_slow_except

TASKS = ("classification", "multilabel", "regression")
CASES = [
    (kind, task)
    for kind in registry.KINDS
    for task in TASKS
    if kind != "external" and not (task == "regression" and kind in CLASSES_ONLY)
]
FAST = [case for case in CASES if case[1] == "classification"]


def save_preprocessing(folder: Path, **changes: Any) -> None:
    plain: dict[str, Any] = dict(id="id", text="text", text_pair=None, encoding="auto")
    plain |= dict(quoting="auto", unicode="NFKC", clean=None, options={}, components=None)
    Preprocessing(**plain | changes).save(folder / NAME)


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """Return a project of a small model whose stages have run."""
    folder = tmp_path_factory.mktemp("predictor")
    with contextlib.chdir(folder):
        run_chain("classification", {"model": "length"})
    return folder


@pytest.fixture
def project(finished, tmp_path, monkeypatch) -> pd.DataFrame:
    """Go to a copy of the project; return its rows to predict."""
    shutil.copytree(finished, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return pd.read_csv("data/raw/new.csv", dtype=str)


def run_chain(task: str, changes: dict[str, Any], count: int = 12) -> pd.DataFrame:
    """Run all stages of a tiny project with rows to predict; return those rows."""
    new = [{k: v for k, v in row.items() if k not in ("label", "score")} for row in ROWS[task]]
    new = [row | {"id": f"u{number}"} for number, row in enumerate(new[:count])]
    projects.make(Path(), {"data.predict": "data/raw/new.csv"} | changes, task)
    projects.write_csv(Path("data/raw/new.csv"), new)
    projects.run()
    return pd.DataFrame(new)


ROWS = {task: make(60) for task, make in projects.ROWS.items()}


@pytest.mark.parametrize(("kind", "task"), mark_slow_except(CASES, FAST))
def test_every_kind_predicts_as_the_trained_model(kind, task, workplace, fit, rows, labels):
    table = rows(task)
    fitted = fit(kind, table.iloc[:28], table.iloc[28:34], task).model
    registry.save(fitted, kind, labels(task), MODEL)
    save_preprocessing(MODEL)
    new = table.iloc[34:]
    numbered = new.assign(id=[str(n) for n in range(1, len(new) + 1)])
    expected = registry.load(MODEL).predict(numbered)
    np.testing.assert_allclose(expected, fitted.predict(numbered), atol=1e-12)

    predictor = Predictor(model="model")
    predicted = predictor.predict(new["text"])

    assert predictor.classes_ == list(labels(task).classes)
    if task == "regression":
        np.testing.assert_array_equal(predicted, expected)
        with pytest.raises(FoldlineError, match="numbers without probabilities"):
            predictor.predict_proba(new["text"])
        return
    probabilities = predictor.predict_proba(new["text"].tolist())
    np.testing.assert_array_equal(probabilities.to_numpy(), expected)
    assert list(probabilities.columns) == predictor.classes_
    names = np.array(predictor.classes_)
    if task == "multilabel":
        assert predicted == [names[row >= 0.5].tolist() for row in expected]
    else:
        assert predicted == names[expected.argmax(axis=1)].tolist()


@pytest.mark.parametrize("task", TASKS)
def test_the_ensemble_predicts_as_the_stage(task, workplace):
    changes = {"target.transform": "yeo-johnson"} if task == "regression" else {}
    new = run_chain(task, {"model": "length"} | changes)
    stored = schemas.UNLABELLED_PREDICTIONS.read()
    texts = (new["a"], new["b"]) if task == "regression" else (new["text"],)

    predictor = Predictor()

    np.testing.assert_array_equal(
        predictor.labels.predictions(stored),
        predictor.predict(*texts) if task == "regression" else predictor.predict_proba(*texts),
    )


@pytest.mark.slow
@pytest.mark.parametrize("method", ["soft", "hard", "weighted"])
def test_each_method_of_an_ensemble_with_a_transformer(method, workplace):
    new = run_chain("classification", {"model": "scratch", "ensemble.method": method})
    stored = schemas.UNLABELLED_PREDICTIONS.read()

    predictor = Predictor()

    np.testing.assert_array_equal(
        predictor.predict_proba(new["text"]), predictor.labels.predictions(stored)
    )


def test_texts_are_normalized_as_those_of_the_training(workplace):
    """The cleaner with its options, and the Unicode form; params.yaml may have changed since."""
    write_component("own", "def clean(text, word):\n    return text.replace('금리', word)\n")
    changes = {"prepare.clean": "components.own", "components": {"own": {"word": "축구"}}}
    new = run_chain("classification", changes)
    stored = schemas.UNLABELLED_PREDICTIONS.read()
    projects.set_params(Path("params.yaml"), {"prepare.clean": None, "components": {}})

    predictor = Predictor()

    assert predictor.make_rows(["1"], ["ｂａｎｋ 금리"], [""])["text"].tolist() == ["bank 축구"]
    np.testing.assert_array_equal(
        predictor.predict_proba(new["text"]), predictor.labels.predictions(stored)
    )
    assert predictor.notes == []
    Path("components/own.py").write_text("def clean(text, word):\n    return text\n", "utf-8")
    with pytest.warns(UserWarning, match="components/ has changed since the models were trained"):
        Predictor()


def test_a_component_predicts_from_another_folder(tmp_path, monkeypatch):
    home = tmp_path / "project"
    home.mkdir()
    monkeypatch.chdir(home)
    write_skeleton("model", "own")
    new = run_chain("classification", {"model": "components.own"})
    expected = Predictor().predict_proba(new["text"])
    monkeypatch.chdir(tmp_path)

    predictor = Predictor("project")

    pd.testing.assert_frame_equal(predictor.predict_proba(new["text"]), expected)
    own = home / "components/own.py"
    own.write_text(own.read_text(encoding="utf-8") + "# edited\n", encoding="utf-8")
    with pytest.warns(UserWarning, match=r"components/ has changed .*they use components\.own"):
        Predictor("project")
    assert Path.cwd() == tmp_path
    assert [path.name for path in tmp_path.iterdir()] == ["project"]


def test_members_predict_alone(project):
    new = project
    each = {name: Predictor(model=name).predict_proba(new["text"]) for name in ("model", "tfidf")}

    rows = Predictor().make_rows(new["id"].tolist(), new["text"].tolist(), [""] * len(new))
    full = {"model": Path("models/model"), "tfidf": Path("models/members/tfidf/0")}
    for name, values in each.items():
        folders = [full[name], *(Path(f"models/folds/{name}/{n}") for n in range(3))]
        predictions = [registry.load(folder).predict(rows) for folder in folders]
        np.testing.assert_allclose(values, np.mean(predictions, axis=0), atol=1e-15)


@pytest.fixture
def trained(workplace, fit, rows, labels) -> Path:
    """Save a small model in models/model."""
    table = rows()
    fitted = fit("length", table.iloc[:28], table.iloc[28:34], "classification").model
    registry.save(fitted, "length", labels("classification"), MODEL)
    save_preprocessing(MODEL)
    return MODEL


@pytest.mark.parametrize(
    ("texts", "pairs", "message"),
    [
        ("a text", None, "must be a list of strings"),
        (["a", None], None, r"texts\[1\] is None, not a string"),
        (["a", float("nan")], None, r"texts\[1\] is nan, not a string"),
        ([1], None, r"texts\[0\] is 1, not a string"),
        (["a"], ["b"], "read single texts, not pairs"),
    ],
)
def test_what_is_no_list_of_texts_is_refused(trained, texts, pairs, message):
    with pytest.raises(FoldlineError, match=message):
        Predictor(model="model").predict(texts, pairs)


def test_pairs_are_required_and_counted(trained):
    save_preprocessing(MODEL, text_pair="b")
    predictor = Predictor(model="model")

    with pytest.raises(FoldlineError, match=r"read text pairs: predict\(texts, pairs\)"):
        predictor.predict(["a"])
    with pytest.raises(FoldlineError, match="2 texts, but 1 pairs"):
        predictor.predict(["a", "b"], ["c"])
    assert len(predictor.predict(["a", "b"], ["c", "d"])) == 2


def test_no_texts_give_no_predictions(trained):
    predictor = Predictor(model="model")

    assert predictor.predict([]) == []
    assert predictor.predict_proba([]).shape == (0, 3)
    assert len(predictor.predict(("a", ""))) == 2


def test_a_project_without_models_is_told_what_to_do(workplace):
    with pytest.raises(FoldlineError, match=r"holds no trained models .*: run `dvc repro`"):
        Predictor()


def test_a_missing_ensemble_names_its_parts(trained):
    with pytest.raises(FoldlineError, match=r"models/ensemble\.json is missing.*a member of it"):
        Predictor()


def test_an_unknown_model_is_named(trained):
    with pytest.raises(FoldlineError, match="unknown member 'modle'; did you mean 'model'"):
        Predictor(model="modle")


def test_predictions_made_elsewhere_are_no_model(workplace, fit, rows, labels):
    fitted = fit("external", rows(), rows(), "classification").model
    registry.save(fitted, "external", labels("classification"), MODEL)
    save_preprocessing(MODEL)

    with pytest.raises(FoldlineError, match=r"made elsewhere .*no model for new rows"):
        Predictor(model="model")


def test_models_that_do_not_belong_together_are_refused(project):
    other = Path("models/folds", NAME)
    text = other.read_text(encoding="utf-8")
    other.write_text(text.replace("NFKC", "NFC"), encoding="utf-8")
    with pytest.raises(FoldlineError, match="trained with different columns or normalization"):
        Predictor()
    other.write_text(text, encoding="utf-8")
    card = Path("models/folds/model/1/foldline.json")
    card.write_text(card.read_text("utf-8").replace("economy", "money"), encoding="utf-8")
    with pytest.raises(FoldlineError, match="different classes: run `dvc repro`"):
        Predictor()


@pytest.mark.parametrize("content", ["[]", "{}", '{"kind": "length"}', "null"])
@pytest.mark.parametrize("file", ["foldline.json", NAME])
def test_files_that_were_edited_are_told_from_code(trained, file, content):
    (MODEL / file).write_text(content, encoding="utf-8")

    with pytest.raises(FoldlineError, match=rf"models/model/{file} .*`dvc repro`"):
        Predictor(model="model")


def test_models_carry_what_they_need(project):
    """A copy of models/ alone predicts the same."""
    new = project
    expected = Predictor().predict(new["text"])
    shutil.copytree("models", "elsewhere/models")

    assert Predictor("elsewhere").predict(new["text"]) == expected
    assert Preprocessing.load() == Preprocessing.load(MODEL / NAME)
    assert FILE.exists()


def test_importing_foldline_is_light():
    code = "import sys, foldline; print('pandas' in sys.modules, 'numpy' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)

    assert result.stdout.split() == ["False", "False"], result.stderr
    assert foldline.Predictor is Predictor
    with pytest.raises(AttributeError, match="no attribute 'Predicter'"):
        foldline.Predicter  # noqa: B018
