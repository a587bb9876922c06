"""Export to ONNX: equal predictions, the labels' names, and what is refused."""

import json
import re
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from foldline.cli import main as foldline
from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.models import registry
from foldline.onnx import graph
from foldline.onnx.export import FLOAT, INT8, Parity, check_parity, export
from tests.helpers.distinct_outputs import are_distinct, make_distinct

MODEL = Path("models/model")

installed = pytest.mark.skipif(
    bool(graph.missing_packages()),
    reason=f"needs the extra onnx: {', '.join(graph.missing_packages())}",
)


@installed
@pytest.mark.slow
@pytest.mark.parametrize(
    ("task", "pairs"), [("classification", True), ("multilabel", False), ("regression", False)]
)
def test_exported_predictions_are_equal(task, pairs, fit, rows, labels, tmp_path) -> None:
    table = rows(task, pairs)
    model = make_distinct(fit("scratch", table.iloc[:28], table.iloc[28:], task), table).model
    times = np.where(np.arange(40) % 3, 1, 9)  # beyond max_length, among short ones
    mixed = table.assign(text=[a * int(n) for a, n in zip(table["text"], times, strict=True)])
    assert are_distinct(model.predict(mixed))
    found = export(model, mixed, tmp_path / "onnx", False)[FLOAT]
    config = json.loads((tmp_path / "onnx/config.json").read_text(encoding="utf-8"))

    assert found.rows == 40
    assert found.difference <= 1e-5
    assert found.agreement >= 0.999
    if task != "regression":
        assert tuple(config["id2label"].values()) == labels(task).classes

    inputs = list(zip(table["text"], table["text_pair"], strict=True))
    assert are_distinct(model.predict(table))
    told = predict_with_readme(tmp_path / "onnx", inputs if pairs else table["text"].tolist())
    expected = labels(task).decode(model.predict(table))
    if task == "multilabel":
        told = ["|".join(names) for names in told]
    assert told == (pytest.approx(expected, abs=1e-4) if task == "regression" else expected)


def predict_with_readme(folder: Path, texts: list[Any]) -> list[Any]:
    """Run the README's own lines on other texts."""
    page = (folder / "README.md").read_text(encoding="utf-8")
    code = re.search(r"```python\n(.*?)```", page, re.DOTALL)
    assert code
    lines = code[1].replace('Path(".")', "Path(here)")
    lines = re.sub(r"^texts = .*$", "texts = given_texts", lines, flags=re.MULTILINE)
    names: dict[str, Any] = {"here": str(folder), "given_texts": texts}
    exec(lines, names)
    return list(names["predicted"])


@installed
@pytest.mark.slow
@pytest.mark.parametrize("dotted", [{"scratch.pooling": "mean"}, {"train.long_text": "tail"}])
def test_other_readings(dotted, fit, rows, tmp_path) -> None:
    table = rows()
    table = table.assign(text=table["text"] * 5)
    parts = (table.iloc[:28], table.iloc[28:], "classification")
    model = make_distinct(fit("scratch", *parts, dotted=dotted), table).model
    assert are_distinct(model.predict(table))
    assert export(model, table, tmp_path / "onnx", False)[FLOAT].difference <= 1e-5


@installed
@pytest.mark.slow
def test_one_tensor_for_two_inputs_is_caught(fit, rows, tmp_path, monkeypatch) -> None:
    """Two inputs that were one tensor at the export stay one, and the graph reads the wrong one."""
    table = rows()
    model = fit("scratch", table.iloc[:28], table.iloc[28:], "classification").model

    class Aliased(graph.LogitsModule):
        def forward(self, *given: torch.Tensor) -> torch.Tensor:
            return super().forward(given[0], given[1], given[0].clamp(max=1))

    monkeypatch.setattr(graph, "LogitsModule", Aliased)
    with pytest.raises(FoldlineError, match=r"model\.onnx differs .* nothing was written"):
        export(model, table, tmp_path / "onnx", False)
    assert list(tmp_path.iterdir()) == []


def test_each_input_of_an_export_is_a_tensor_of_its_own() -> None:
    made = graph.example_inputs(["input_ids", "token_type_ids", "attention_mask"], 50)
    assert len({tensor.data_ptr() for tensor in made.values()}) == 3


@pytest.mark.parametrize(
    ("name", "found"),
    [
        (FLOAT, Parity(10, 2e-4, 1.0, 1.0)),
        (FLOAT, Parity(10, float("nan"), 1.0, 1.0)),
        (INT8, Parity(10, 0.0, 0.99, 1.0)),
        (INT8, Parity(10, 0.0, float("nan"), 1.0)),
    ],
)
def test_a_graph_that_predicts_otherwise_is_refused(name, found) -> None:
    with pytest.raises(FoldlineError, match="nothing was written"):
        check_parity(name, found, "classification")


def test_numbers_may_differ_by_their_size() -> None:
    check_parity(FLOAT, Parity(10, 0.05, 1.0, 1000.0), "regression")
    check_parity(INT8, Parity(10, 30.0, 0.999, 1000.0), "regression")


@pytest.fixture
def project(workplace, fit, rows, labels) -> Path:
    table = rows()
    schemas.VALID.write(table)
    model = fit("scratch", table.iloc[:28], table.iloc[28:], "classification", epochs=30).model
    registry.save(model, "scratch", labels("classification"), MODEL)
    return Path(workplace)


@installed
@pytest.mark.slow
def test_the_command_writes_both_and_tells_parity_and_speed(project, capsys) -> None:
    assert foldline(["export", "--int8", "yes"]) == 0
    told = capsys.readouterr().out
    names = {path.name for path in Path("models/onnx").iterdir()}
    assert names == {FLOAT, INT8, "tokenizer.json", "config.json", "README.md"}
    assert told.count("equal labels") == 2
    assert told.count("rows/s") == 3
    assert foldline(["export"]) == 0  # over its own
    assert not (Path("models/onnx") / INT8).exists()


def test_a_missing_package_is_told_with_its_command(project, monkeypatch, capsys) -> None:
    monkeypatch.setattr(graph, "find_spec", lambda name: None if name == "onnxruntime" else name)
    assert foldline(["export"]) == 1
    told = capsys.readouterr().err
    assert "onnxruntime is not installed" in told
    assert "pip install" in told
    assert not Path("models/onnx").exists()


def test_a_model_that_was_cut_is_told(project, capsys) -> None:
    weights = MODEL / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert foldline(["export"]) == 1
    told = capsys.readouterr().err
    assert f"{MODEL} is damaged: SafetensorError" in told
    assert "dvc checkout --force" in told


def test_other_kinds_transforms_and_folders_are_refused(project, fit, rows, labels, capsys) -> None:
    table, numbers = rows(), rows("regression")
    assert foldline(["export", "--out", "models"]) == 1
    assert "holds no exported model" in capsys.readouterr().err
    plain = fit("majority", table, table.iloc[:0], "classification").model
    registry.save(plain, "majority", labels("classification"), Path("models/plain"))
    assert foldline(["export", "--model", "models/plain"]) == 1
    assert "kind majority, and only transformers" in capsys.readouterr().err
    dotted = {"target.transform": "yeo-johnson"}
    curved = fit("scratch", numbers, numbers.iloc[:0], "regression", epochs=1, dotted=dotted).model
    shutil.rmtree(MODEL)
    registry.save(curved, "scratch", labels("regression"), MODEL)
    assert foldline(["export"]) == 1
    assert "target.transform=yeo-johnson" in capsys.readouterr().err


@installed
@pytest.mark.slow
def test_the_folder_and_the_option_that_are_named_work(project, monkeypatch, capsys) -> None:
    assert foldline(["export", "--out", "models"]) == 1
    folder = re.search(r"name a new folder, like (\S+)", capsys.readouterr().err)[1]
    assert foldline(["export", "--out", folder]) == 0
    shutil.rmtree(folder)
    monkeypatch.setattr("foldline.onnx.export.INT8_AGREEMENT", 1.1)
    capsys.readouterr()
    assert foldline(["export", "--int8", "yes"]) == 1
    option = re.search(r"Export it with (--int8 no)", capsys.readouterr().err)[1]
    assert foldline(["export", *option.split()]) == 0


@pytest.mark.slow
@pytest.mark.parametrize("task", ["classification", "regression"])
def test_predictions_in_bfloat16_are_near_and_kept(task, fit, rows, labels, tmp_path) -> None:
    table = rows(task)
    half = {"train.predict_precision": "bfloat16"}
    parts = (table.iloc[:28], table.iloc[28:], task)
    full, fast = fit("scratch", *parts), fit("scratch", *parts, dotted=half)
    expected, found = full.model.predict(table), fast.model.predict(table)
    assert fast.run_info["predict_precision"] == "bfloat16"
    assert found == pytest.approx(expected, abs=0.02)
    assert (found != expected).any()
    registry.save(fast.model, "scratch", labels(task), tmp_path / "m")
    loaded = registry.load(tmp_path / "m")
    assert loaded.model.dtype == torch.float32  # plain transformers opens what it always opened
    np.testing.assert_array_equal(loaded.predict(table), found)
