"""Predictions on a terminal: what fits on a line."""

import pandas as pd

from foldline.prediction.output_files import open_output


def make_table(classes: int) -> pd.DataFrame:
    columns = {f"p_class {number}": [number / 100] for number in range(classes)}
    return pd.DataFrame({"id": ["a"], "predicted": ["class 1"]} | columns)


def print_table(table: pd.DataFrame, monkeypatch, capsys) -> list[str]:
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    with open_output(None) as write:
        write(table)
    return capsys.readouterr().out.splitlines()


def test_the_most_probable_of_many_classes_are_shown(monkeypatch, capsys):
    assert print_table(make_table(9), monkeypatch, capsys) == [
        "id,predicted,top_1,top_2,top_3",
        "a,class 1,class 8 0.0800,class 7 0.0700,class 6 0.0600",
    ]


def test_few_classes_are_all_shown(monkeypatch, capsys):
    header, _ = print_table(make_table(8), monkeypatch, capsys)

    assert header.count("p_class") == 8


def test_a_file_has_every_class(tmp_path):
    with open_output(tmp_path / "out.csv") as write:
        write(make_table(9))

    assert (tmp_path / "out.csv").read_text("utf-8").count("p_class") == 9
