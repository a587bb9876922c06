"""Marked lines and names: what a project has for itself."""

import tomllib
from pathlib import Path

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
REASON = "this is a project made from the template, not the template"
answers = pytest.importorskip("tools.bake_answers", reason=REASON)
marks = pytest.importorskip("tools.bake_marks", reason=REASON)


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("text: text  # template:k", "text: new"),
        ("text: text  # why  # template:k", "text: new   # why"),
        ("text: text  # template:k why", "text: new   # why"),
        ("text: text  # template:k  # why", "text: new   # why"),
        ("  text:   'a # b'  # x  # template:k # y", "  text:   new      # x  # y"),
        ('name = "a" # why  # template:k\r', "name = new  # why\r"),
        ('authors = [{ name = "a#b" }]  # template:k', "authors = new"),
        ("text: a  # why  # template:k", "text: new  # why"),
        ("text:          # why  # template:k", "text: new      # why"),
        ("key:  # template:k", "key: new"),
    ],
)
def test_marked_line_takes_value_and_keeps_other_words(line, expected):
    assert marks.replace_marked_value(line, "new") == expected


@pytest.mark.parametrize("line", ["# template:k", "- item  # template:k"])
def test_marked_line_of_another_form_is_refused(line):
    with pytest.raises(marks.MarkError, match="not of the form"):
        marks.replace_marked_value(line, "new")


@pytest.mark.parametrize(
    ("change", "keys"),
    [
        (lambda text: text.replace("# template:task", ""), "task"),
        (lambda text: text + "again: 1  # template:task\n", "task"),
        (lambda text: text + "other: 1  # template:nothing\n", "nothing"),
    ],
)
def test_missing_doubled_and_unknown_marks_are_named(change, keys):
    text = (ROOT / "params.yaml").read_text(encoding="utf-8")
    values = dict.fromkeys(marks.MARKED_KEYS["params.yaml"], "x")

    with pytest.raises(marks.MarkError, match=f"params.yaml needs one .* for: {keys}$"):
        marks.rewrite_marked_lines("params.yaml", change(text), values)


@pytest.mark.parametrize(
    "text",
    ["plain", "q\"'\\ \\n", "한국어 🎬", "tab\tnul\0 del\x7f nbsp\xa0 bom\ufeff", "\x85\u2028"],
)
def test_quoted_text_is_read_back_by_toml_and_yaml(text):
    assert tomllib.loads(f"a = {marks.quote(text)}") == {"a": text}
    assert yaml.safe_load(f"a: {marks.quote(text)}") == {"a": text}


# --- names ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "slug",
    ["", "a", "A_b", "2news", "_a", "a-b", "a b", "a.b", "../a", "a/b", "a" * 41, "한글", "ab\n"],
)
def test_slug_of_wrong_form_is_refused(slug):
    with pytest.raises(answers.AnswerError, match="project_slug must be 2 to 40") as raised:
        answers.check_slug(ROOT, slug)

    assert str(raised.value).isascii() and "\n" not in str(raised.value)


@pytest.mark.parametrize("device", ["con", "nul", "aux", "prn", "com1", "lpt9"])
def test_slug_that_windows_keeps_is_refused(device):
    with pytest.raises(answers.AnswerError, match=f"try '{device}_project'"):
        answers.check_slug(ROOT, device)


@pytest.mark.parametrize(
    "slug",
    ["json", "test", "class", "torch", "pytest", "markupsafe", "stages", "models", "sklearn"],
)
def test_slug_that_means_something_else_is_refused(slug):
    with pytest.raises(answers.AnswerError, match=f"'{slug}' names a module, folder or device"):
        answers.check_slug(ROOT, slug)


def test_suggested_slug_is_accepted():
    answers.check_slug(ROOT, "json_project")


@pytest.mark.parametrize("task", ["classification", "regression"])
@pytest.mark.parametrize("model", ["scratch", "tfidf"])
def test_dvc_changes_one_line_of_a_new_projects_params(task, model, tmp_path):
    from dvc.utils.hydra import apply_overrides

    values = answers.project_values({"task": task, "model": model, "project_name": "topics"})
    shipped = (ROOT / "params.yaml").read_text(encoding="utf-8")
    text = marks.rewrite_marked_lines("params.yaml", shipped, values)
    file = tmp_path / "params.yaml"
    file.write_text(text, encoding="utf-8")
    apply_overrides(file, ["seed=7"])

    assert file.read_text(encoding="utf-8") == text.replace("seed: 42 ", "seed: 7  ")


@pytest.mark.parametrize("folder", ["/x/a{b}/topics", "/x/{", "/}/y"])
def test_a_folder_that_dvc_cannot_work_in_is_refused(folder):
    with pytest.raises(answers.AnswerError, match="choose another"):
        answers.check_folder(Path(folder))


def test_other_folders_are_accepted():
    for folder in ("/x/a$b", "/x/a[b]", "/x/a b's", "/바탕화면/topics"):
        answers.check_folder(Path(folder))
