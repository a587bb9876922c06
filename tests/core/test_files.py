"""Files that are whole or not there, and numbers that every reader accepts."""

import json
import os
import re

import numpy as np
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io import files


def left_over(folder):
    return [path.name for path in folder.iterdir() if ".tmp" in path.name]


def test_a_failing_writer_leaves_the_old_file(tmp_path):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")

    with pytest.raises(RuntimeError, match="half way"), files.replace_atomically(path) as temporary:
        temporary.write_text("half")
        raise RuntimeError("half way")

    assert path.read_text() == "old"
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("error", [KeyboardInterrupt, SystemExit])
def test_a_stopped_writer_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "a.txt"
    files.write_text(path, "old")

    with pytest.raises(error), files.replace_atomically(path) as temporary:
        temporary.write_text("half")
        raise error

    assert path.read_text() == "old"
    assert left_over(tmp_path) == []


def test_a_failing_writer_leaves_the_old_folder(tmp_path):
    path = tmp_path / "model"
    with files.replace_atomically(path) as temporary:
        temporary.mkdir()
        (temporary / "weights").write_text("old")

    with pytest.raises(RuntimeError), files.replace_atomically(path) as temporary:
        temporary.mkdir()
        raise RuntimeError

    assert (path / "weights").read_text() == "old"
    assert left_over(tmp_path) == []


@pytest.mark.parametrize("before", ["nothing", "file", "folder"])
@pytest.mark.parametrize("after", ["file", "folder"])
def test_a_file_or_folder_takes_the_place_of_either(tmp_path, before, after):
    path = tmp_path / "there"
    if before == "file":
        path.write_text("old")
    elif before == "folder":
        path.mkdir()
        (path / "old").write_text("old")

    with files.replace_atomically(path) as temporary:
        if after == "file":
            temporary.write_text("new")
        else:
            temporary.mkdir()
            (temporary / "new").write_text("new")

    assert path.is_dir() == (after == "folder")
    assert [p.name for p in tmp_path.iterdir()] == ["there"]
    if after == "folder":
        assert [p.name for p in path.iterdir()] == ["new"]


def test_a_folder_comes_back_where_the_new_one_cannot_take_its_place(tmp_path):
    path = tmp_path / "model"
    path.mkdir()
    (path / "old").write_text("old")

    with pytest.raises(FoldlineError, match="could not be written"), files.replace_atomically(path):
        pass  # nothing is written, so there is nothing to rename

    assert (path / "old").exists()
    assert left_over(tmp_path) == []


@pytest.mark.skipif(os.name == "nt", reason="links need rights on Windows")
def test_a_link_into_the_cache_is_replaced_not_followed(tmp_path):
    cached = tmp_path / "cached"
    cached.write_text("cached")
    path = tmp_path / "out"
    path.symlink_to(cached)

    files.write_text(path, "new")

    assert cached.read_text() == "cached"
    assert path.read_text() == "new"


def test_what_a_killed_writer_left_is_removed_after_a_day(tmp_path):
    names = {".a.txt.1.tmp": 2 * files.DAY, ".a.txt.2.tmp": 60, ".b.txt.1.tmp": 2 * files.DAY}
    for name, age in names.items():
        (tmp_path / name).write_text("half")
        now = (tmp_path / name).stat().st_mtime
        os.utime(tmp_path / name, (now - age, now - age))

    files.write_text(tmp_path / "a.txt", "new")

    assert sorted(left_over(tmp_path)) == [".a.txt.2.tmp", ".b.txt.1.tmp"]


def test_what_cannot_be_written_is_told(tmp_path):
    (tmp_path / "file").write_text("")

    with pytest.raises(FoldlineError, match=r"could not be written: .* Check free disk space"):
        files.write_text(tmp_path / "file" / "a.txt", "text")


def test_text_has_lf_and_utf_8(tmp_path):
    files.write_text(tmp_path / "a.txt", "글\n줄\n")

    assert (tmp_path / "a.txt").read_bytes() == "글\n줄\n".encode()


def test_json_holds_nothing_that_is_not_json(tmp_path):
    content = {
        "nan": float("nan"),
        "inf": [np.inf, np.float32("nan"), 1.5],
        "whole": np.int64(3),
        "array": np.array([[1.0, np.nan]]),
        "flag": np.bool_(True),
        1: "key",
    }

    files.write_json(tmp_path / "a.json", content)

    assert files.read_json(tmp_path / "a.json") == {
        "nan": None,
        "inf": [None, None, 1.5],
        "whole": 3,
        "array": [[1.0, None]],
        "flag": True,
        "1": "key",
    }


def test_metrics_leave_out_what_is_not_finite(tmp_path):
    metrics = {
        "accuracy": 0.5,
        "auc": float("nan"),
        "loss": np.float32("inf"),
        "none": None,
        "test": {"f1": np.float64("nan"), "ece": np.float32(0.5), "deep": {"x": None, "y": 1}},
    }

    files.write_metrics(tmp_path / "m.json", metrics)
    text = (tmp_path / "m.json").read_text()

    assert json.loads(text) == {"accuracy": 0.5, "test": {"ece": 0.5, "deep": {"y": 1}}}
    assert not re.search("NaN|Infinity|null", text)


def test_a_missing_or_damaged_json_is_told(tmp_path):
    path = tmp_path / "a.json"
    with pytest.raises(FoldlineError, match="is missing: run `dvc repro` to make it"):
        files.read_json(path)
    path.write_text("{")
    with pytest.raises(FoldlineError, match=r"is not JSON .* remove it and run `dvc repro`"):
        files.read_json(path)
    path.write_bytes(b"\xff")
    with pytest.raises(FoldlineError, match="is not JSON"):
        files.read_json(path)


def test_digest_sees_names_and_content(tmp_path):
    for name, text in {"a/x": "1", "b/x": "1", "c/y": "1", "d/x": "2", "e/sub/x": "1"}.items():
        (tmp_path / name).parent.mkdir(parents=True)
        (tmp_path / name).write_text(text)
    found = {name: files.digest(tmp_path / name) for name in "abcde"}

    assert found["a"] == found["b"]
    assert len(set(found.values())) == 4
    assert files.digest(tmp_path / "a", tmp_path / "d") != files.digest(
        tmp_path / "d", tmp_path / "a"
    )
