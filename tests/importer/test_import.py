"""`foldline import`: shown first, written after a yes, whole or not at all."""

import gzip
import shutil

import pandas as pd
import pytest

from foldline.cli import run as run_verb
from foldline.core.params.loading import read_params
from foldline.importer import placement
from tests.helpers import git_projects, importing, projects
from tests.helpers.importing import import_error, write_official_files
from tests.helpers.projects import write_csv


@pytest.fixture
def project(workplace, monkeypatch):
    return importing.make_project(workplace, monkeypatch)


@pytest.fixture
def bring(project):
    return lambda *arguments: importing.import_files(project, *arguments)["data"]


def test_a_file_is_copied_and_its_columns_written(project, bring, capsys):
    write_csv(project / "given/news.csv", projects.topics())
    data = bring("given/news.csv")

    assert (project / "data/raw/news.csv").read_bytes() == (project / "given/news.csv").read_bytes()
    assert data["train"] == "data/raw/news.csv"
    assert (data["id"], data["text"], data["label"]) == ("id", "text", "label")
    assert data["predict"] is None
    assert read_params(project / "params.yaml")["predict"]["sample_submission"] is None
    shown = capsys.readouterr().out
    for part in [
        "60 rows  data/raw/news.csv",
        "3 classes: economy 20 (33%), sports 20 (33%), science 20 (33%)",
        "its name; 3 values in 60 rows",
        "characters: median",
        "r0 | 은행 금리 오늘 발표 0 | economy",
        "data.train: data/raw/topics.csv -> data/raw/news.csv",
        "  dvc repro",
    ]:
        assert part in shown


def test_only_the_values_of_the_data_change_in_params(project, bring):
    shutil.copy(projects.ROOT / "params.yaml", project / "params.yaml")
    before = (project / "params.yaml").read_text(encoding="utf-8").splitlines()
    write_csv(project / "given/pairs.csv", projects.pairs())
    bring("given/pairs.csv")
    after = (project / "params.yaml").read_text(encoding="utf-8").splitlines()

    changed = [line for line, old in zip(after, before, strict=True) if line != old]
    keys = ["task", "train", "predict", "text", "text_pair", "label", "sample_submission"]
    assert [line.split(":")[0].strip() for line in changed] == keys
    assert all(" # " in line for line in changed)


def test_pairs_with_a_number_are_a_regression(project, bring):
    write_csv(project / "given/pairs.csv", projects.pairs())
    data = bring("given/pairs.csv")

    assert (data["text"], data["text_pair"], data["label"]) == ("a", "b", "score")
    assert read_params(project / "params.yaml")["task"] == "regression"


def test_official_files_are_reported_apart_by_name(project, bring):
    write_official_files(project / "given")
    data = bring(*(f"given/{name}.csv" for name in ("test", "train", "dev")))

    assert [data[part] for part in ("train", "valid", "test", "predict")] == [
        "data/raw/train.csv",
        "data/raw/dev.csv",
        "data/raw/test.csv",
        None,
    ]


def test_a_part_can_be_said(project, bring):
    write_official_files(project / "given")
    data = bring("train=given/test.csv", "test=given/train.csv")

    assert (data["train"], data["test"]) == ("data/raw/test.csv", "data/raw/train.csv")


def test_a_file_with_a_new_part_leaves_its_former_one(project, bring):
    write_official_files(project / "given")
    bring("given/train.csv", "valid=given/dev.csv")
    data = bring("given/train.csv", "test=data/raw/dev.csv")

    assert (data["valid"], data["test"]) == (None, "data/raw/dev.csv")


def test_a_test_file_without_labels_is_to_be_predicted(project, bring):
    write_official_files(project / "given", without_labels=True)
    submission = [{"ID": f"r{n}", "label": "economy"} for n in reversed(range(45, 60))]
    write_csv(project / "given/baseline.csv", submission)
    data = bring("given/train.csv", "given/test.csv", "given/baseline.csv")

    assert (data["test"], data["predict"]) == (None, "data/raw/test.csv")
    sample = read_params(project / "params.yaml")["predict"]["sample_submission"]
    assert sample == "data/raw/baseline.csv"


def test_a_commit_is_proposed_only_where_something_has_changed(project, bring, capsys):
    write_csv(project / "given/news.csv", projects.topics())
    git_projects.make_repository(project, {})
    bring("given/news.csv")
    assert 'git commit -m "Import news.csv"' in capsys.readouterr().out
    git_projects.commit(project, {})

    bring("given/news.csv")

    shown = capsys.readouterr().out
    assert "git commit" not in shown
    assert "Written. Next:\n  foldline view" in shown


@pytest.mark.parametrize(
    ("official", "taken"), [(True, "about 8 of the 30"), (False, "about 6 of the 30")]
)
def test_rows_that_become_a_test_set_are_told_with_the_way_to_keep_them(
    project, bring, capsys, official, taken
):
    write_official_files(project / "given", without_labels=True)
    files = ["given/train.csv", *(["given/dev.csv"] if official else []), "given/test.csv"]
    bring(*files)

    shown = capsys.readouterr().out
    assert f"`split` takes {taken} training rows as a test set" in shown
    assert "dvc exp run -S 'split.ratios=[1,0,0]'" in shown
    assert read_params(project / "params.yaml")["split"]["ratios"] == "auto"
    bring(*files, "--no-test")
    assert read_params(project / "params.yaml")["split"]["ratios"] == [1.0, 0.0, 0.0]
    assert "as a test set" not in capsys.readouterr().out


@pytest.mark.parametrize(("answer", "ratios"), [("", "auto"), ("n", [1.0, 0.0, 0.0])])
def test_somebody_at_a_terminal_is_asked_for_test_rows(
    project, monkeypatch, capsys, answer, ratios
):
    write_official_files(project / "given", without_labels=True)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True)
    answers = iter([answer, "y"])
    monkeypatch.setattr("builtins.input", lambda question: next(answers))

    run_verb(["import", *(f"given/{name}.csv" for name in ("train", "dev", "test"))])

    assert read_params(project / "params.yaml")["split"]["ratios"] == ratios


def test_official_test_rows_raise_no_question(project, bring, capsys):
    write_official_files(project / "given")
    bring(*(f"given/{name}.csv" for name in ("test", "train", "dev")))

    assert "as a test set" not in capsys.readouterr().out


def test_labels_of_minus_one_are_no_labels(project, bring):
    write_official_files(project / "given")
    rows = [row | {"label": -1} for row in projects.topics(9)]
    write_csv(project / "given/test.csv", rows)

    assert bring("given/train.csv", "given/test.csv")["predict"] == "data/raw/test.csv"


def write_annotations(path, items=60):
    rows = [
        {"item_id": f"r{n}", "annotator_id": person, "label": ("x", "y")[n % 2]}
        for n in range(items)
        for person in ("kim", "lee")
    ]
    write_csv(path, rows)


def test_a_table_of_judgements_goes_beside_the_rows(project, bring, capsys):
    write_csv(project / "given/news.csv", projects.topics())
    write_annotations(project / "given/people.csv")
    data = bring("given/news.csv", "given/people.csv")

    assert data["train"] == "data/raw/news.csv"
    assert data["annotations"] == {
        "file": "data/raw/people.csv",
        "item": "item_id",
        "annotator": "annotator_id",
        "label": "label",
        "scale": "nominal",
        "aggregate": "none",
    }
    assert "(2 people)" in capsys.readouterr().out


def test_files_can_be_added_to_the_rows_that_are_here(project, bring):
    write_official_files(project / "given")
    first = bring("given/train.csv")
    write_annotations(project / "given/people.csv")
    second = bring("--annotations", "given/people.csv", "--predict", "given/test.csv")

    assert second["annotations"]["file"] == "data/raw/people.csv"
    assert second["predict"] == "data/raw/test.csv"
    assert {k: second[k] for k in ("train", "text", "label")} == {
        k: first[k] for k in ("train", "text", "label")
    }


def test_a_new_version_keeps_the_settings_and_says_what_changed(project, bring, capsys):
    rows = projects.topics()
    write_official_files(project / "given")
    write_csv(project / "given/train.csv", rows)
    bring("given/train.csv", "given/dev.csv", "--label", "label", "--id", "none")
    params = (project / "params.yaml").read_bytes()
    write_csv(project / "given/train.csv", [rows[0] | {"text": "new words"}, *rows[2:]])
    capsys.readouterr()
    bring("given/train.csv")

    shown = capsys.readouterr().out
    assert "60 rows before, 59 now: 1 added, 2 removed" in shown
    assert "from params.yaml" in shown
    assert "its present content is not committed" in shown
    assert (project / "params.yaml").read_bytes() == params
    assert b"new words" in (project / "data/raw/train.csv").read_bytes()


def test_versions_with_ids_tell_changed_rows_from_others(project, bring, capsys):
    rows = projects.topics()
    write_csv(project / "given/train.csv", rows)
    bring("given/train.csv")
    new = {"id": "r99", "text": "a new text", "label": "sports"}
    write_csv(project / "given/train.csv", [rows[0] | {"text": "other"}, *rows[3:], new])
    capsys.readouterr()
    bring("given/train.csv")

    output = capsys.readouterr().out
    assert "60 rows before, 59 now: 1 added, 2 removed, 1 changed (by 'id')" in output


def test_the_same_file_again_changes_nothing(project, bring, capsys):
    write_csv(project / "given/news.csv", projects.topics())
    bring("given/news.csv")
    target = project / "data/raw/news.csv"
    stamp = target.stat().st_mtime_ns
    params = (project / "params.yaml").read_bytes()
    bring("given/news.csv")
    bring("data/raw/news.csv")

    assert target.stat().st_mtime_ns == stamp
    assert (project / "params.yaml").read_bytes() == params
    assert "kB, same, kept by git" in capsys.readouterr().out


@pytest.mark.parametrize("name", ["news.tsv", "news.jsonl", "news.parquet", "news.csv.gz"])
def test_every_format_is_copied_as_it_is(project, bring, name):
    table = pd.DataFrame(projects.topics(), dtype="str")
    path = project / "given" / name
    if name.endswith("parquet"):
        table.to_parquet(path)
    elif name.endswith("jsonl"):
        table.to_json(path, orient="records", lines=True, force_ascii=False)
    else:
        text = table.to_csv(sep="\t" if "tsv" in name else ",", index=False).encode()
        path.write_bytes(gzip.compress(text) if name.endswith("gz") else text)
    data = bring(f"given/{name}")

    assert (project / "data/raw" / name).read_bytes() == path.read_bytes()
    assert (data["train"], data["label"]) == (f"data/raw/{name}", "label")


def test_a_cp949_file_with_korean_columns_is_understood(project, bring, capsys):
    table = pd.DataFrame(projects.topics(), dtype="str")
    table.columns = ["번호", "문장", "라벨"]
    path = project / "given/뉴스.csv"
    path.write_bytes(table.to_csv(index=False).encode("cp949"))
    data = bring("given/뉴스.csv")

    assert (data["id"], data["text"], data["label"]) == ("번호", "문장", "라벨")
    assert (project / "data/raw/뉴스.csv").read_bytes() == path.read_bytes()
    assert "was read as cp949" in capsys.readouterr().out


def test_a_large_file_needs_dvc_but_git_can_be_reported_to_keep_it(project, bring, monkeypatch):
    monkeypatch.setattr(placement, "MAX_GIT_BYTES", 1000)
    write_csv(project / "given/news.csv", projects.topics())

    assert "dvc init" in import_error("given/news.csv", "--yes")
    assert bring("given/news.csv", "--git")["train"] == "data/raw/news.csv"


def test_what_later_stages_would_refuse_is_reported_now(project, capsys):
    rows = projects.topics(60)
    write_csv(project / "given/train.csv", rows[:30])
    write_csv(project / "given/valid.csv", [row | {"label": "weather"} for row in rows[30:45]])
    write_csv(project / "given/test.csv", [{"id": r["id"], "text": r["text"]} for r in rows[45:]])
    write_csv(project / "given/sub.csv", [{"id": "r1", "label": "economy"}])
    files = ["given/train.csv", "given/valid.csv", "given/test.csv", "sample=given/sub.csv"]
    run_verb(["import", *files, "--yes"])

    shown = capsys.readouterr().out
    assert "classes that train lacks: weather; `prepare` will reject them" in shown
    assert (
        "`prepare` will refuse this: predict.sample_submission (given/sub.csv) has 1 ids" in shown
    )


def test_labels_joined_in_one_column_are_several(project, bring, capsys):
    rows = [row | {"label": row["label"].replace("|", ";")} for row in projects.multilabel_rows()]
    write_csv(project / "given/tags.csv", rows)
    data = bring("given/tags.csv")

    assert (data["label"], data["separator"]) == ("label", ";")
    assert read_params(project / "params.yaml")["task"] == "multilabel"
    shown = capsys.readouterr().out
    assert "Task: multilabel (3 labels, ';' between those of a row)" in shown
    assert "train  3 classes: " in shown
    assert "8 without a label" in shown


@pytest.mark.parametrize(
    ("values", "task"),
    [
        ([f"{n % 5},{n % 10}" for n in range(60)], "regression"),
        ([f"{n % 5},{n % 5 + 1},{n % 5 + 2}" for n in range(60)], "multilabel"),
    ],
)
def test_decimal_commas_are_no_labels(project, bring, capsys, values, task):
    rows = projects.topics(60)
    write_csv(
        project / "given/s.csv",
        [row | {"label": value} for row, value in zip(rows, values, strict=True)],
    )
    bring("given/s.csv")

    assert read_params(project / "params.yaml")["task"] == task
    assert ("is read as" in capsys.readouterr().out) is (task == "regression")


def test_import_counts_and_notes_as_prepare_does(project, bring, capsys):
    rows = projects.topics(60)
    names = sorted({row["label"] for row in rows})
    spaces = ["", " ", "\u200b", "\u3000"]
    written = [row | {"label": row["label"] + spaces[n % 4]} for n, row in enumerate(rows)]
    written[7]["text"] = "NULL"
    write_csv(project / "given/train.csv", written[:40])
    write_csv(project / "given/test.csv", written[40:])
    bring("given/train.csv", "given/test.csv")

    shown = capsys.readouterr().out
    assert shown.count(f"{len(names)} classes: ") == 2
    assert "lacks" not in shown
    assert "note: given/train.csv, line 9: 1 text is only 'NULL'" in shown


def test_columns_of_0_and_1_are_several_labels(project, bring, capsys):
    names = list(projects.SUBJECTS)
    rows = [
        {"id": row["id"], "text": row["text"]} | {n: int(n in row["label"]) for n in names}
        for row in projects.multilabel_rows()
    ]
    write_csv(project / "given/train.csv", rows)
    write_csv(project / "given/test.csv", [{"id": r["id"], "text": r["text"]} for r in rows[:20]])
    sample = [{"id": r["id"]} | dict.fromkeys(names, 0.5) for r in rows[:20]]
    write_csv(project / "given/sample_submission.csv", sample)
    given = [f"given/{name}.csv" for name in ("train", "test", "sample_submission")]
    data = bring(*given)

    assert data["label"] == names
    assert data["predict"] == "data/raw/test.csv"
    content = read_params(project / "params.yaml")
    assert content["predict"]["sample_submission"] == "data/raw/sample_submission.csv"
    shown = capsys.readouterr().out
    assert "3 columns of 0 and 1" in shown
    for row in rows[:3]:
        held = ", ".join(sorted(name for name in names if row[name])) or "-"
        assert f"  {row['id']} | {' '.join(row['text'].split())} | {held}\n" in shown
    assert bring("given/train.csv", "--label", "sports,science")["label"] == ["sports", "science"]
    assert "'spotrs'; it has" in import_error(
        "given/train.csv", "--label", "sports,spotrs", "--yes"
    )


def test_a_new_version_keeps_several_labels(project, bring):
    names = list(projects.SUBJECTS)
    rows = [
        {"id": row["id"], "text": row["text"]} | {n: int(n in row["label"]) for n in names}
        for row in projects.multilabel_rows()
    ]
    write_csv(project / "given/train.csv", rows)
    bring("given/train.csv", "--label", "sports,science")
    write_csv(project / "given/train.csv", rows[:50])
    assert bring("given/train.csv")["label"] == ["sports", "science"]
    assert read_params(project / "params.yaml")["task"] == "multilabel"


def test_an_auxiliary_label_stays_for_a_new_version_of_the_file_alone(project, bring):
    rows = [row | {"bias": "xy"[number % 2]} for number, row in enumerate(projects.topics())]
    for name in ("given/a.csv", "given/b.csv"):
        write_csv(project / name, rows)
    bring("given/a.csv")
    projects.set_params(project / "params.yaml", {"data.auxiliary_label": "bias"})

    assert bring("given/a.csv")["auxiliary_label"] == "bias"
    assert bring("given/b.csv")["auxiliary_label"] is None
