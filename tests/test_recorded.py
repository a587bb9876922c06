"""The committed record of the default run can be repeated: same data, same scores."""

import hashlib
import math
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from foldline.frame.loading import read
from tests import projects
from tests.repositories import ROOT, call, commit, copy_files, numbers
from tools.wiring import code_deps

pytestmark = pytest.mark.slow
# Numbers of another processor or thread count differ in their last digits, and a class of a
# dozen test rows turns on few of them.
TOLERANCE = 0.05


def test_the_recorded_run_repeats(tmp_path):
    folder = tmp_path / "again"
    copy_files(folder)
    commit(folder)
    recorded = {name: numbers(folder, name) for name in projects.CHAIN}
    hashes = data_hashes(folder)
    call(folder, "dvc", "repro", "--force")

    assert data_hashes(folder) == hashes
    for name in projects.CHAIN[:3]:
        assert numbers(folder, name) == recorded[name]
    for name in projects.CHAIN[3:]:
        old, new = flat(recorded[name]), flat(numbers(folder, name))
        assert old.keys() == new.keys()
        for key in old:
            if key.startswith(("valid.", "kfold.", "test.", "out_of_fold.")):
                assert math.isclose(old[key], new[key], abs_tol=TOLERANCE), key


def test_the_record_is_of_this_code():
    """What is committed was made by what is committed: nothing in it is stale."""
    lock = YAML(typ="safe").load((ROOT / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    params = read(ROOT / "params.yaml")

    assert sorted(lock) == sorted(projects.CHAIN)
    for name, stage in lock.items():
        code = {dep["path"]: dep["md5"] for dep in stage["deps"] if dep["path"].endswith(".py")}
        now = {path: hashlib.md5((ROOT / path).read_bytes()).hexdigest() for path in code}
        assert now == code, f"{name}: commit what `dvc repro` makes of the changed code"
        assert sorted(code) == code_deps(name)
        for key, value in stage["params"]["params.yaml"].items():
            assert params[key] == value


def data_hashes(folder: Path) -> dict[str, str]:
    """Give the recorded hashes of what prepare, split and augment wrote."""
    lock = YAML(typ="safe").load((folder / "dvc.lock").read_text(encoding="utf-8"))
    stages = {name: lock["stages"][name]["outs"] for name in projects.CHAIN[:3]}
    return {out["path"]: out["md5"] for outs in stages.values() for out in outs}


def flat(content: dict, before: str = "") -> dict[str, float]:
    found: dict[str, float] = {}
    for key, value in content.items():
        found |= (
            flat(value, f"{before}{key}.") if isinstance(value, dict) else {before + key: value}
        )
    return found
