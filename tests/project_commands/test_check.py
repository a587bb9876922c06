"""`foldline check`: all problems at once, before DVC removes an output, with the way back."""

import argparse
import os
import shutil
from pathlib import Path

import pytest

from foldline.core.errors import FoldlineError
from foldline.project import check, leftovers
from tests.helpers import projects
from tests.helpers.git_projects import commit, make_repository, run_shell
from tests.helpers.model_folders import write_cached_model
from tests.helpers.projects import set_params

PIPELINE = "stages:\n  check:\n    cmd: x\n    deps: [params.yaml]\n    params: [seed]\n"


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.delenv("DVC_STAGE", raising=False)
    monkeypatch.delenv("DVC_ROOT", raising=False)
    monkeypatch.setattr(leftovers, "find_leftovers", lambda: [])
    monkeypatch.setattr(check, "check_library", lambda root: None)
    monkeypatch.chdir(tmp_path)
    shutil.copy(projects.ROOT / "params.yaml", tmp_path / "params.yaml")
    changes = {"data.train": "data/raw/rows.csv", "data.predict": None}
    set_params(tmp_path / "params.yaml", changes | {"predict.sample_submission": None})
    projects.write_csv(tmp_path / "data/raw/rows.csv", projects.topics(6))
    return make_repository(tmp_path, {"dvc.yaml": PIPELINE})


def run(out: Path | None = None) -> None:
    check.run(argparse.Namespace(out=out))


def error(out: Path | None = None) -> str:
    with pytest.raises(FoldlineError) as caught:
        run(out)
    return str(caught.value)


def test_a_sound_project_passes(project, capsys):
    run()

    assert capsys.readouterr().out == "params.yaml: no problem found (1 files)\n"


def test_a_missing_file_of_a_list_is_found(project):
    changes = {"evaluate.behaviour.packs": ["en", "data/raw/no.yaml"]}
    set_params(project / "params.yaml", changes)

    assert "evaluate.behaviour.packs.1  data/raw/no.yaml does not exist" in error()


@pytest.mark.parametrize(
    ("columns", "changes", "problem"),
    [
        ("id,predicted", {"data.classes": None}, None),
        ("id,p_x", {"data.classes": None}, None),
        ("id,p_food,p_sport,p_other", {}, None),
        ("id,score", {"task": "regression", "data.classes": None}, "no column predicted"),
        ("id,predicted", {"task": "regression", "data.classes": None}, None),
        ("row,predicted", {}, "no column id; it has row, predicted"),
        ("id,answer", {"data.classes": None}, "no column predicted; it has id, answer"),
        ("id,p_food", {}, "no column p_sport; it has id, p_food"),
        ("", {}, "no column id, predicted; it has none"),
    ],
)
def test_columns_of_others_answers_are_checked_before_training(project, columns, changes, problem):
    (project / "data/raw/old.csv").write_text(f"{columns}\n")
    own = {"data.classes": ["food", "sport"], "evaluate.external": {"old": "data/raw/old.csv"}}
    set_params(project / "params.yaml", own | changes)

    if problem is None:
        run()
    else:
        assert f"evaluate.external.old  data/raw/old.csv has {problem}" in error()


def test_columns_of_external_models_are_checked_before_training(project):
    (project / "data/raw/a.csv").write_text("id,predicted\n")
    (project / "data/raw/b.csv").write_text("id,p_food,p_sport\n")
    changes = {
        "data.classes": ["food", "sport"],
        "model": "external",
        "external.file": "data/raw/b.csv",
        "ensemble.members": {"old": {"external.file": "data/raw/a.csv"}},
    }
    set_params(project / "params.yaml", changes)

    message = error()
    assert "members.old.external.file  data/raw/a.csv has no column p_food, p_sport" in message
    assert "b.csv" not in message


def test_all_problems_are_told_at_once(project):
    changes = {"lr": "abc", "data.valid": "data/raw/row.csv", "keywords.file": "data/raw/no.yaml"}
    set_params(project / "params.yaml", changes)

    message = error()

    assert "3 problems" in message
    assert "lr             must be 'auto' or a number (found 'abc')" in message
    assert "data/raw/row.csv does not exist; did you mean 'rows.csv'?" in message
    assert "keywords.file  data/raw/no.yaml does not exist" in message


@pytest.mark.parametrize("passes", [True, False])
def test_the_stages_output_is_there_and_the_same_whatever_is_found(project, passes):
    """DVC has removed it, and git would show it as deleted."""
    if not passes:
        set_params(project / "params.yaml", {"lr": "abc"})
        error(Path("reports/check.txt"))
    else:
        run(Path("reports/check.txt"))

    assert Path("reports/check.txt").read_text() == "passed\n"


@pytest.mark.parametrize(
    "changes",
    [
        {"lr": "abc"},
        {"data.train": "data/raw/nope.csv"},
        {"lr": "abc", "seed": -1},
        {"train.contrastive": 0.5, "batch_size": 1},
        {"train.schedule": "linaer"},
    ],
)
@pytest.mark.parametrize("staged", [False, True])
def test_the_command_told_undoes_a_rejected_value(project, changes, staged):
    set_params(project / "params.yaml", changes)
    if staged:
        run_shell(project, "git add params.yaml")

    command = error().rpartition("git ")[2]
    run_shell(project, f"git {command}")

    run()


def test_git_sees_a_value_of_the_same_length_written_within_a_second(project):
    path = project / "params.yaml"
    os.utime(path, (1e9, 1e9))
    commit(project, {"other.txt": ""})
    run_shell(project, "git config core.trustctime false && git update-index --refresh")
    path.write_text(path.read_text("utf-8").replace("lr: auto ", "lr: abcd "), encoding="utf-8")
    os.utime(path, (1e9, 1e9))
    assert run_shell(project, "git status --porcelain") == ""

    command = error().rpartition("git ")[2]
    run_shell(project, f"git {command}")

    run()


@pytest.mark.parametrize(
    ("key", "message"),
    [
        ("text", "data.text  data/raw/rows.csv has no column 'txt'; it has id, text, label"),
        ("group", "or set it to null"),
    ],
)
def test_a_missing_column_is_told_before_a_stage_runs(project, key, message):
    set_params(project / "params.yaml", {f"data.{key}": "txt"})

    problem = error()

    assert message in problem
    assert f"Changed since the last commit: data.{key}. To undo: git restore params" in problem


def test_no_column_of_another_role_is_suggested(project):
    set_params(project / "params.yaml", {"data.label": "txt"})

    assert "did you mean" not in error()


def test_an_unreadable_file_is_told_before_a_stage_runs(project):
    (project / "data/raw/rows.csv").write_bytes(b"id,text,label\n1,\xff\xfe\x81,a\n")

    assert "data.train  data/raw/rows.csv, line 2" in error()


def test_other_changes_are_kept_by_setting_the_value_that_is_told(project):
    set_params(project / "params.yaml", {"lr": "abc", "epochs": 3})

    message = error()

    assert "To undo, set in params.yaml what the last commit has:\n  lr: auto\n" in message
    assert "which also undoes epochs: git restore params.yaml" in message
    text = (project / "params.yaml").read_text(encoding="utf-8")
    (project / "params.yaml").write_text(text.replace("lr: abc ", "lr: auto "), encoding="utf-8")
    run()


def test_a_key_that_was_added_is_to_be_removed(project):
    set_params(project / "params.yaml", {"modle": "x", "epochs": 3})

    assert "modle  (remove this key)" in error()


@pytest.mark.parametrize("kind", ["not committed", "no git"])
def test_where_git_has_no_other_values_no_undo_is_told(project, kind):
    set_params(project / "params.yaml", {"lr": "abc"})
    if kind == "no git":
        shutil.rmtree(project / ".git")
    else:
        commit(project, {})

    assert "undo" not in error()


@pytest.mark.parametrize("committed", [True, False])
def test_a_renamed_key_is_to_be_renamed_back_and_nothing_else(project, committed):
    path = project / "params.yaml"
    path.write_text(path.read_text("utf-8").replace("epochs:", "epoch:", 1), encoding="utf-8")
    if committed:
        commit(project, {})

    message = error()

    assert message == "params.yaml: 1 problem\n  epoch  is not a key: rename 'epoch' to 'epochs'"


def test_a_check_lets_git_restore_results_of_the_same_length(project):
    """`dvc exp run` writes them within the second in which it checks the last commit out."""
    path = project / "metrics/ensemble.json"
    commit(project, {"metrics/ensemble.json": "1"})
    os.utime(path, (1e9, 1e9))
    run_shell(project, "git config core.trustctime false && git update-index --refresh")
    path.write_text("2", encoding="utf-8")
    os.utime(path, (1e9, 1e9))
    assert run_shell(project, "git status --porcelain") == ""
    set_params(project / "params.yaml", {"lr": "abc"})

    error(Path("reports/check.txt"))
    run_shell(project, "git restore params.yaml metrics")

    assert path.read_text("utf-8") == "1"


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ({"model": "nobody/model"}, "model"),
        ({"model": "embed", "embed.encoder": "nobody/model"}, "embed.encoder"),
        ({"zero_shot.model": "nobody/model"}, "zero_shot.model"),
        ({"ensemble.members": {"own": {"model": "nobody/model"}}}, "ensemble.members.own"),
    ],
)
def test_a_hub_id_that_cannot_be_loaded_stops_before_a_stage_runs(
    project, monkeypatch, changes, key
):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(project / "cache"))
    set_params(project / "params.yaml", changes)

    message = error()

    assert f"  {key}  nobody/model is not on this machine, and HF_HUB_OFFLINE is set" in message
    assert message.endswith("git restore params.yaml")


@pytest.mark.parametrize("files", [{"config.json": "{}"}, {"model.safetensors": ""}])
def test_a_model_in_the_cache_needs_no_network(project, monkeypatch, files):
    write_cached_model(monkeypatch, project / "cache", "nobody/model", files)
    set_params(project / "params.yaml", {"model": "nobody/model"})
    error()
    snapshot = next((project / "cache").rglob("snapshots/*"))
    for name in ("config.json", "model.safetensors"):
        (snapshot / name).write_text("{}")

    run()


def make_copy(project: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Go to a copy of what git has, as of `dvc exp run --temp`."""
    copy = project / ".dvc/tmp/exps/standalone/tmpa"
    copy.mkdir(parents=True)
    run_shell(project, "git archive HEAD | tar -x -C .dvc/tmp/exps/standalone/tmpa")
    monkeypatch.setenv("DVC_ROOT", str(project))
    monkeypatch.chdir(copy)
    return copy


@pytest.mark.parametrize("name", ["new.csv", "새 파일.csv", "new.txt"])
def test_a_copy_for_an_experiment_lacks_what_git_does_not_have(project, monkeypatch, name):
    set_params(project / "params.yaml", {"data.train": f"data/raw/{name}"})
    commit(project, {})
    shutil.copy(project / "data/raw/rows.csv", project / "data/raw" / name)
    copy = make_copy(project, monkeypatch)

    message = error()

    assert "is in neither git nor DVC" in message
    assert "To undo" not in message  # DVC removes the copy
    command = message.partition("Next: ")[2].partition(" (if it is large")[0]
    monkeypatch.chdir(project)
    run_shell(project, command)
    shutil.copy(project / "data/raw" / name, copy / "data/raw" / name)
    monkeypatch.chdir(copy)
    run()


def test_data_that_is_not_pulled_yet_is_told(project):
    set_params(project / "params.yaml", {"data.train": "data/raw/big.csv"})
    (project / "data/raw/big.csv.dvc").write_text("outs: []\n")

    assert "`dvc pull data/raw/big.csv.dvc` brings it" in error()


def test_a_file_outside_is_noted_with_a_command_that_stores_it(project, capsys, tmp_path_factory):
    outside = tmp_path_factory.mktemp("out side") / "rows.csv"
    (project / "data/raw/rows.csv").rename(outside)
    (project / "data/raw/rows.csv").symlink_to(outside)

    run()

    note = capsys.readouterr().out.splitlines()[0]
    assert f"data/raw/rows.csv is a link to {outside}, outside the project" in note
    run_shell(project, note.partition("To store it: ")[2])
    run()
    assert "note" not in capsys.readouterr().out
    assert not (project / "data/raw/rows.csv").is_symlink()


@pytest.mark.parametrize("level", ["data/raw", "data/raw/in"])
def test_a_folder_outside_is_refused_as_dvc_sees_no_change_in_it(project, level, tmp_path_factory):
    outside = tmp_path_factory.mktemp("out side") / "raw"
    name = f"{level}/rows.csv"
    set_params(project / "params.yaml", {"data.train": name})
    (project / "data/raw").rename(outside)
    (project / level).parent.mkdir(parents=True, exist_ok=True)
    (project / level).symlink_to(outside)

    message = error()

    assert f"{level}, a link to {outside}: DVC would not notice changes there" in message
    run_shell(project, message.partition("Next: ")[2].partition("\n")[0])
    run()


def test_links_within_the_project_are_fine(project, capsys):
    (project / "data/raw/rows.csv").rename(project / "data/raw/first.csv")
    (project / "data/raw/rows.csv").symlink_to("first.csv")

    run()

    assert "note" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("pipeline", "told"),
    [
        (
            "params: [seed, trian]",
            "stages.a: params names 'trian', which params.yaml lacks; did you",
        ),
        ("deps: [stages/a.py]", "stages.a: deps names stages/a.py, which does not exist"),
        ("deps: [wheels/foldline-0-py3-none-any.whl]", "which does not exist"),
    ],
)
def test_dvc_yaml_must_fit(project, pipeline, told):
    (project / "dvc.yaml").write_text(f"stages:\n  a:\n    cmd: x\n    {pipeline}\n")

    assert told in error()


def test_what_other_stages_write_may_be_missing(project):
    stages = (
        "stages:\n  a:\n    cmd: x\n    outs: [models/m]\n  b:\n    cmd: x\n    deps: [models/m]\n"
    )
    (project / "dvc.yaml").write_text(stages)

    run()


@pytest.mark.parametrize("text", ["stages: [", "<<<<<<< HEAD\nstages: {}\n"])
def test_a_broken_dvc_yaml_is_told(project, text):
    (project / "dvc.yaml").write_text(text)

    assert "`git restore dvc.yaml` brings the committed one back" in error()


def test_a_component_that_cannot_be_loaded_is_told(project):
    (project / "components").mkdir()
    (project / "components/__init__.py").touch()
    (project / "components/own.py").write_text("import nothing_like_that\n")
    set_params(project / "params.yaml", {"model": "components.own"})

    assert "components/own.py cannot be imported" in error()
