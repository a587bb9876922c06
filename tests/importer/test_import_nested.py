"""Objects, lists and files of other tools: what an import guesses, `prepare` reads the same."""

import json
from functools import partial

import pytest

from foldline.core.errors import FoldlineError
from tests.helpers import importing, projects
from tests.helpers.importing import import_error


@pytest.fixture
def project(workplace, monkeypatch):
    return importing.make_project(workplace, monkeypatch)


@pytest.fixture
def bring(project):
    return partial(importing.import_files, project)


def write_jsonl(path, rows):
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")


def rows_with(label):
    """Return rows whose label is made from a topic's name and number."""
    rows = projects.topics(60)
    return [row | {"label": label(row["label"], n)} for n, row in enumerate(rows)]


def test_a_field_inside_an_object_is_guessed_or_named(project, bring):
    write_jsonl(
        project / "given/a.jsonl", rows_with(lambda name, n: {"label": name, "score": n / 7})
    )

    found = bring("given/a.jsonl")
    assert (found["data"]["label"], found["task"]) == ("label.label", "classification")
    found = bring("given/a.jsonl", "--label", "label.score", "--task", "regression")
    assert found["data"]["label"] == "label.score"
    message = import_error("given/a.jsonl", "--label", "label", "--yes")
    assert "'label' holds objects: name one of the fields 'label.label', 'label.score'" in message


def test_one_label_in_a_list_is_a_class(project, bring, capsys):
    write_jsonl(project / "given/a.jsonl", rows_with(lambda name, n: [name]))

    assert bring("given/a.jsonl")["task"] == "classification"
    shown = capsys.readouterr().out
    assert "3 classes: economy 20 (33%)" in shown
    assert "60 of 60 cells are lists of one value, and read as that value" in shown


@pytest.mark.parametrize(
    "label",
    [
        lambda name, n: [name, "more"] if n % 3 else [name],
        lambda name, n: {"choices": [name, "more"]} if n % 3 else name,
        lambda name, n: [{"choices": [name, "more"]}] if n % 3 else [],
        lambda name, n: f"['{name}' 'more']" if n % 3 else f"['{name}']",
        lambda name, n: json.dumps([name, "more"]) if n % 3 else "[]",
    ],
)
def test_lists_of_labels_are_several_labels(project, bring, capsys, label):
    write_jsonl(project / "given/a.jsonl", rows_with(label))

    assert bring("given/a.jsonl")["task"] == "multilabel"
    shown = capsys.readouterr().out
    assert "Task: multilabel (lists of labels)" in shown
    assert "4 classes: more" in shown or "3 classes: more" in shown


def test_flags_in_a_list_stop_the_import(project):
    write_jsonl(project / "given/a.jsonl", rows_with(lambda name, n: [n % 2, 1, 0]))

    assert "every row holds a 0 or 1 for each of 3 labels" in import_error("given/a.jsonl", "--yes")
    assert not (project / "data").exists()


@pytest.mark.parametrize("number", ["{},5", "{},25", "{}.000,5", "{},5 %"])
def test_numbers_with_a_comma_are_not_several_labels(project, bring, number):
    rows = rows_with(lambda name, n: number.format(n % 4 + 1))
    write_jsonl(project / "given/a.jsonl", rows)

    try:
        task = bring("given/a.jsonl")["task"]
    except FoldlineError as error:  # refusing them is right, too
        task = str(error)
    assert task != "multilabel"


@pytest.mark.parametrize(
    ("name", "content", "note"),
    [
        ("a.csv", "sep=;\n{rows}", "its first line (sep=) names semicolons"),
        ("a.txt", "{rows}", "a.txt was read with semicolons between fields"),
        ("a.csv", "Topics of 2024;;\n{rows}", "the header is line 2"),
        ("a.csv", "{rows}id;text;label\n", "line 62: the header again"),
        ("a.csv", "{rows};;\n", "line 62: 1 rows without any value"),
    ],
)
def test_what_a_file_needed_is_shown(project, bring, capsys, name, content, note):
    rows = [f"{row['id']};{row['text']};{row['label']}" for row in projects.topics(60)]
    table = "\n".join(["id;text;label", *rows]) + "\n"
    (project / "given" / name).write_text(content.format(rows=table), encoding="utf-8")

    data = bring(f"given/{name}")["data"]

    assert (data["id"], data["text"], data["label"]) == ("id", "text", "label")
    assert note in capsys.readouterr().out


@pytest.mark.slow
def test_class_names_inside_lists_and_objects_of_a_data_set_are_kept(project, bring):
    import datasets

    names = datasets.ClassLabel(names=["origin", "politics", "none"])
    features = datasets.Features(
        {
            "text": datasets.Value("string"),
            "labels": datasets.Sequence(names),
            "meta": {"kind": datasets.ClassLabel(names=["b", "a"]), "by": datasets.Value("string")},
        }
    )
    columns = {
        "text": [f"a text {n}" for n in range(30)],
        "labels": [[n % 3, 2] if n % 2 else [n % 3] for n in range(30)],
        "meta": [{"kind": n % 2, "by": "kim"} for n in range(30)],
    }
    data = datasets.Dataset.from_dict(columns, features=features)
    datasets.DatasetDict({"train": data}).save_to_disk("given/comments")

    found = bring("hf:given/comments", "--label", "labels")
    assert found["task"] == "multilabel"
    assert found["data"]["classes"] == ["origin", "politics", "none"]
    found = bring("hf:given/comments", "--label", "meta.kind", "--task", "classification")
    assert found["data"]["classes"] == ["b", "a"]
