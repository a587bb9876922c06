"""The file params.yaml: what is no YAML, or lacks a part, is told by line or section."""

import re
from pathlib import Path

import pytest

from foldline.core.params import Settings
from foldline.core.params.loading import load_params, read_params
from tests.helpers.edited_params import COMMITTED, params_error, write_params
from tests.helpers.projects import PARAMS


def test_a_missing_section_is_told(tmp_path):
    text = re.sub(r"^runner:.*?(?=^\S|\Z)", "", COMMITTED, flags=re.M | re.S)

    assert "runner  is missing" in params_error(write_params(tmp_path, text.encode()))


def test_a_section_without_keys_is_told(tmp_path):
    text = re.sub(r"^predict:.*?(?=^\S|\Z)", "predict: 3\n", COMMITTED, flags=re.M | re.S)

    assert "predict  must be keys and values (found 3)" in params_error(
        write_params(tmp_path, text.encode())
    )


def test_a_missing_file_says_where_to_run(tmp_path):
    assert "run commands from the project's root folder" in params_error(tmp_path / "params.yaml")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty, but must hold every key"),
        (b"# only a comment\n", "is empty, but must hold every key"),
        (b"- a\n- b\n", "must hold keys and values, found list"),
        (b"a: b: c\n", "line 1: not valid YAML: mapping values are not allowed here"),
        (
            b"a: 1\nlr:auto  # x\nb: 3\n",
            "could not find expected ':'. Correct that line:\n  lr:auto  # x",
        ),
        (b"a: 1\nb: [1, 2\nc: 3\n", "Correct that line:\n  b: [1, 2"),
        (b"a:\n\tb: 1\n", "line 2: not valid YAML: found character '\\t'"),
        (b"a:\n\tb: 1\n", "Indent with spaces: YAML allows no tabs"),
        (b"a: 1\na: 2\n", "line 2: not valid YAML: found duplicate key"),
        (b"a: 1\n---\nb: 2\n", "not valid YAML"),
        (b"a: \x07\n", "is not valid YAML: unacceptable character #x0007"),
        ("a: 1\nb: 글\n".encode("cp949"), "line 2: byte 0xb1 is not UTF-8. Save the file as UTF-8"),
        (b"1: x\n", "must be a text (found the key 1): put it in quotes"),
    ],
)
def test_a_file_that_is_not_yaml_is_told_by_line(tmp_path, content, message):
    assert message in params_error(write_params(tmp_path, content))


def test_a_folder_in_place_of_the_file_is_told(tmp_path):
    (tmp_path / "params.yaml").mkdir()

    assert "cannot be read: Is a directory" in params_error(tmp_path / "params.yaml")


def test_a_byte_order_mark_and_crlf_are_read_over(tmp_path):
    content = b"\xef\xbb\xbf" + COMMITTED.replace("\n", "\r\n").encode()

    assert (
        load_params(Settings, write_params(tmp_path, content)).seed
        == load_params(Settings, PARAMS).seed
    )


def test_who_changes_what_was_read_changes_nobody_elses():
    first = read_params(PARAMS)
    first["data"]["text"] = "changed"

    assert read_params(PARAMS)["data"]["text"] != "changed"


def test_a_change_by_dvc_rewrites_one_line(tmp_path):
    from dvc.utils.hydra import apply_overrides

    text = Path("params.yaml").read_text(encoding="utf-8")
    (tmp_path / "params.yaml").write_text(text, encoding="utf-8")
    apply_overrides(tmp_path / "params.yaml", ["seed=43"])
    assert (tmp_path / "params.yaml").read_text(encoding="utf-8") == text.replace(
        "seed: 42 ", "seed: 43 "
    )
