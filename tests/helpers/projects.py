"""Tiny projects in a temporary folder, for tests of stages and of the whole chain."""

import csv
import importlib
import shutil
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

from foldline.core.params.loading import load_params

ROOT = Path(__file__).resolve().parents[2]
PARAMS = ROOT / "tests" / "params.yaml"
CHAIN = ["prepare", "split", "augment", "train", "kfold", "ensemble", "evaluate", "predict"]
SMALL = {
    "epochs": 1,
    "max_length": 16,
    "data.train": "data/raw/rows.csv",
    "data.predict": None,
    "predict.sample_submission": None,
    "scratch.layers": 1,
    "scratch.width": 16,
    "scratch.heads": 2,
    "scratch.vocabulary": 200,
    "tfidf.min_df": 1,
    "kfold.n_splits": 3,
    "evaluate.resamples": 100,
}
SUBJECTS = {
    "economy": ["은행 금리", "market shares", "수출 가격", "bank loans"],
    "sports": ["축구 경기", "final match", "야구 감독", "team coach"],
    "science": ["로켓 발사", "new telescope", "연구 논문", "lab result"],
}
ENDINGS = ["오늘 발표", "last week", "다시 상승", "in the city", "내일 시작", "under review"]


def set_params(path: Path, changes: dict[str, Any]) -> None:
    """Set values of a params file by dotted keys."""
    yaml = YAML()
    content: Any = yaml.load(path.read_text(encoding="utf-8"))
    for key, value in changes.items():
        *parents, last = key.split(".")
        section = content
        for parent in parents:
            section = section[parent]
        section[last] = value
    with path.open("w", encoding="utf-8", newline="\n") as stream:
        yaml.dump(content, stream)


def write_csv(path: Path, rows: list[dict[str, Any]]) -> None:
    """Write rows as a csv with a header."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def topics(count: int = 60) -> list[dict[str, Any]]:
    """Return rows of three classes with distinct texts."""
    rows = []
    for number in range(count):
        label = list(SUBJECTS)[number % 3]
        text = f"{SUBJECTS[label][number // 3 % 4]} {ENDINGS[number // 12 % 6]} {number}"
        rows.append({"id": f"r{number}", "text": text, "label": label})
    return rows


def pairs(count: int = 60) -> list[dict[str, Any]]:
    """Return sentence pairs with a score derived from the words that they share."""
    rows = []
    for number in range(count):
        words = [SUBJECTS[name][number % 4] for name in SUBJECTS]
        n_shared = number % 4
        other_words = [*words[:n_shared], *["완전히 다른 말"] * (3 - n_shared)]
        first, second = f"{' '.join(words)} {number}", f"{' '.join(other_words)} {number}"
        rows.append({"id": f"p{number}", "a": first, "b": second, "score": n_shared * 5 / 3})
    return rows


def multilabel_rows(count: int = 60) -> list[dict[str, Any]]:
    """Return rows whose labels are the subjects of the text: none, one or several."""
    rows = []
    for number in range(count):
        labels = [name for position, name in enumerate(SUBJECTS) if number >> position & 1]
        phrases = [SUBJECTS[name][number // 8 % 4] for name in labels]
        text = f"{' '.join(phrases)} {ENDINGS[number // 12 % 6]} {number}"
        rows.append({"id": f"t{number}", "text": text, "label": "|".join(labels)})
    return rows


ROWS = {"classification": topics, "multilabel": multilabel_rows, "regression": pairs}


def make(folder: Path, changes: dict[str, Any] | None = None, task: str = "classification") -> None:
    """Write a tiny project: params.yaml and one raw file."""
    shutil.copy(PARAMS, folder / "params.yaml")
    task_params: dict[str, Any] = {"task": task, "data.text": "text", "data.label": "label"}
    if task == "regression":
        task_params |= {"data.text": "a", "data.text_pair": "b", "data.label": "score"}
    set_params(folder / "params.yaml", {"model": "tfidf"} | SMALL | task_params | (changes or {}))
    write_csv(folder / "data/raw/rows.csv", ROWS[task]())


def run(*stages: str) -> None:
    """Run stages of the project in the working folder, in this process."""
    for stage in stages or CHAIN:
        module = importlib.import_module(f"stages.{stage}")
        module.main(load_params(module.Params))
