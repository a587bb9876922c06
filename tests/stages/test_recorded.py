"""The committed record of the default run can be repeated: same data, same scores."""

import json
import math
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from foldline.core.params.loading import read_params
from tests.helpers import projects
from tests.helpers.repositories import ROOT, call, commit, copy_files, read_metrics

pytestmark = pytest.mark.slow
# Numbers of another processor or thread count differ in their last digits, and a class of a
# dozen test rows turns on few of them.
TOLERANCE = 0.05


def test_the_recorded_run_repeats(tmp_path):
    folder = tmp_path / "again"
    copy_files(folder)
    commit(folder)
    recorded = {name: read_metrics(folder, name) for name in projects.CHAIN}
    hashes = data_hashes(folder)
    call(folder, "dvc", "repro", "--force")

    assert data_hashes(folder) == hashes
    for name in projects.CHAIN[:3]:
        assert read_metrics(folder, name) == recorded[name]
    for name in projects.CHAIN[3:]:
        old, new = flat(recorded[name]), flat(read_metrics(folder, name))
        assert old.keys() == new.keys()
        for key in old:
            if key.startswith(("valid.", "kfold.", "test.", "out_of_fold.")):
                assert math.isclose(old[key], new[key], abs_tol=TOLERANCE), key


CODE = ("stages/", "foldline/", "components", "constraints.txt")


def test_the_record_is_of_this_code(tmp_path):
    """What is committed was made by what is committed: nothing in it is stale."""
    lock = YAML(typ="safe").load((ROOT / "dvc.lock").read_text(encoding="utf-8"))["stages"]
    params = read_params(ROOT / "params.yaml")
    copy_files(tmp_path / "copy")
    commit(tmp_path / "copy")
    status = json.loads(call(tmp_path / "copy", "dvc", "status", "--json"))

    assert sorted(lock) == sorted(["check", *projects.CHAIN])
    for name, stage in lock.items():
        changed = [
            path
            for change in status.get(name, [])
            if isinstance(change, dict)
            for path in change.get("changed deps", {})
            if path.startswith(CODE)
        ]
        assert not changed, f"{name}: commit what `dvc repro` makes of the changed code"
        for key, value in stage.get("params", {}).get("params.yaml", {}).items():
            section, _, name = key.partition(".")
            assert (params[section][name] if name else params[key]) == value


def data_hashes(folder: Path) -> dict[str, str]:
    """Return the recorded hashes of what prepare, split and augment wrote."""
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
