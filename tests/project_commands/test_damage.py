"""Damaged files: found by `foldline doctor` and by the stage that reads them."""

import argparse
import json
import os
from pathlib import Path

import pytest

from foldline.core.errors import FoldlineError
from foldline.core.recorded_hashes import check_inputs, hash_file, hash_path
from foldline.project import damage, doctor

PIPELINE = """stages:
  prepare:
    cmd: x
    outs: [data/a.csv, models/folds, reports/r.json: {cache: false}]
  split:
    cmd: x
    deps: [data/a.csv, models/folds, data/raw, reports/r.json]
"""
CACHE = Path(".dvc/cache/files/md5")


def store(path: Path) -> Path:
    """Put a file into the cache and return its object."""
    md5 = hash_file(path)
    target = CACHE / md5[:2] / md5[2:]
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(path.read_bytes())
    return target


@pytest.fixture
def project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(damage, "cache_folder", lambda: CACHE)
    for name in ("data/a.csv", "models/folds/0.bin", "models/folds/sub/1.bin", "reports/r.json"):
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        Path(name).write_text(f"content of {name}\n" * 50)
    for name in ("data/a.csv", "models/folds/0.bin", "models/folds/sub/1.bin"):
        store(Path(name))
    names = ["0.bin", "sub/1.bin"]
    files = [{"md5": hash_file(Path("models/folds", n)), "relpath": n} for n in names]
    Path("list").write_text(json.dumps(files))
    folder = store(Path("list"))
    folder.rename(f"{folder}.dir")
    Path("list").unlink()
    outs = [f"{{path: {n}, md5: {hash_path(Path(n))}}}" for n in ("data/a.csv", "reports/r.json")]
    outs.append(f"{{path: models/folds, md5: {folder.parent.name}{folder.name}.dir}}")
    Path("dvc.yaml").write_text(PIPELINE)
    Path("dvc.lock").write_text(f"stages:\n  prepare:\n    outs: [{', '.join(outs)}]\n")
    Path("data/raw").mkdir()
    Path("data/raw/x.csv").write_text("id,text\n")
    store(Path("data/raw/x.csv"))
    record = f"outs:\n- md5: {hash_file(Path('data/raw/x.csv'))}\n  path: x.csv\n"
    Path("data/raw/x.csv.dvc").write_text(record)
    return tmp_path


def flip(path: Path) -> None:
    """Flip a bit, and leave size and time as they are."""
    status = path.stat()
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 2
    path.write_bytes(content)
    os.utime(path, ns=(status.st_atime_ns, status.st_mtime_ns))


def cached(path: str) -> Path:
    md5 = hash_path(Path(path))
    return CACHE / md5[:2] / md5[2:]


def test_a_sound_project_has_no_damage(project):
    assert list(damage.find_damage()) == []
    check_inputs("split")


def test_python_and_dvc_agree_about_a_folders_hash(project):
    assert cached("models/folds").exists()
    Path(".dvcignore").write_text("__pycache__\n*.pyc\n# x\n")
    before = hash_path(Path("models/folds"))
    Path("models/folds/__pycache__").mkdir()
    Path("models/folds/__pycache__/a.pyc").touch()
    Path("models/folds/b.pyc").touch()

    assert hash_path(Path("models/folds")) == before


@pytest.mark.parametrize(
    ("name", "damaged", "command"),
    [
        ("data/a.csv", "data/a.csv", "rm -rf data/a.csv && dvc checkout data/a.csv"),
        ("models/folds", "models/folds/sub/1.bin", "dvc checkout models/folds"),
        ("data/raw/x.csv", "data/raw/x.csv", "rm -rf data/raw/x.csv && dvc checkout"),
        ("reports/r.json", "reports/r.json", "rm -rf reports/r.json && dvc repro prepare"),
    ],
)
def test_a_damaged_file_is_found_by_doctor_and_by_the_stage(project, name, damaged, command):
    flip(Path(damaged))

    (line,) = damage.find_damage()
    assert line.startswith(name)
    assert command in line
    with pytest.raises(FoldlineError, match=f"^{name} has the MD5 .* `foldline doctor`"):
        check_inputs("split")


@pytest.mark.parametrize("name", ["data/a.csv", "models/folds/0.bin", "data/raw/x.csv"])
def test_a_damaged_object_whose_file_is_sound_is_stored_again(project, name):
    flip(cached(name))

    (line,) = damage.find_damage()

    assert "the file itself is not" in line
    assert f"rm -f {cached(name)} && dvc commit -f " in line
    check_inputs("split")


@pytest.mark.parametrize("name", ["data/a.csv", "models/folds/0.bin"])
def test_where_both_are_damaged_they_are_pulled_or_made_again(project, name):
    own = cached(name)
    for path in (own, Path(name)):
        flip(path)
    top = "models/folds" if "folds" in name else name

    (line,) = damage.find_damage()

    assert f"rm -rf {own} {top} && (dvc pull {top} || dvc repro prepare)" in line


def test_a_cut_object_of_another_commit_is_found(project):
    Path("other").write_text("x" * 100)
    own = store(Path("other"))
    own.write_text("x" * 50)

    (line,) = damage.find_damage()

    assert f"{own} is damaged: an output of another commit or experiment" in line
    assert f"rm -f {own}" in line


def test_a_stage_checks_only_what_it_depends_on(project):
    flip(Path("data/a.csv"))

    check_inputs("prepare")
    check_inputs("unknown")


def test_a_conflict_in_dvc_lock_names_the_verb(project):
    Path("dvc.lock").write_text("<<<<<<< ours\na: 1\n=======\nb: 2\n>>>>>>> theirs\n")

    with pytest.raises(FoldlineError, match="foldline resolve"):
        check_inputs("split")


def run_doctor(quick: bool = False) -> int:
    return doctor.run(argparse.Namespace(quick=quick))


def test_doctor_exits_with_1_where_something_is_wrong(project, capsys):
    assert run_doctor() == 0
    assert capsys.readouterr().out.endswith("no problem found\n")
    flip(Path("data/a.csv"))

    assert run_doctor() == 1
    shown = capsys.readouterr().out
    assert "problem: data/a.csv differs" in shown
    assert shown.endswith("1 problem\n")


def test_doctor_compares_packages_and_processor(project, capsys):
    Path("constraints.txt").write_text("numpy==0.1\nnot-installed==1\n# pandas==0\n")
    Path("reports/environment.json").write_text('{"processor": "Z80"}')

    assert run_doctor() == 1
    shown = capsys.readouterr().out
    assert "numpy" in shown
    assert "pinned: 0.1" in shown
    assert "not-installed" not in shown
    assert "was made on Z80" in shown


def test_doctor_belongs_into_a_project(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    with pytest.raises(FoldlineError, match="project's root"):
        run_doctor()
    assert run_doctor(quick=True) == 0
