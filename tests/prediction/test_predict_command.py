"""`foldline predict`: files, standard input and texts in; csv, tsv, jsonl and parquet out."""

import contextlib
import gzip
import io
import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from foldline import Predictor, cli
from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.data import partial_reading
from foldline.prediction import input_rows
from tests.helpers import projects

ROOT = Path(__file__).resolve().parents[2]
STORED = Path("data/predictions/unlabelled.csv")
NEW = Path("data/raw/new.csv")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Path:
    """Return a project whose stages have run, with 12 rows to predict, one of them empty."""
    folder = tmp_path_factory.mktemp("predict")
    with contextlib.chdir(folder):
        projects.make(folder, {"model": "tfidf", "data.predict": str(NEW)})
        rows = [{"id": f"u{n}", "text": row["text"]} for n, row in enumerate(projects.topics(12))]
        rows[4]["text"] = "  "
        projects.write_csv(NEW, rows)
        projects.run()
    return folder


@pytest.fixture
def project(finished, tmp_path, monkeypatch) -> Path:
    """Go to a copy of the project."""
    shutil.copytree(finished, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def predict(*arguments: str | Path) -> None:
    cli.run(["predict", *map(str, arguments)])


def refusal(*arguments: str | Path) -> str:
    with pytest.raises(FoldlineError) as caught:
        predict(*arguments)
    return str(caught.value)


def read_output(path: Path) -> pd.DataFrame:
    name = path.name.removesuffix(".gz")
    content = gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else path.read_bytes()
    if name.endswith("parquet"):
        return pd.read_parquet(io.BytesIO(content))
    if name.endswith("jsonl"):
        return pd.DataFrame([json.loads(line) for line in content.decode().splitlines()])
    separator = "\t" if name.endswith("tsv") else ","
    return pd.read_csv(io.BytesIO(content), sep=separator, keep_default_na=False)


def test_the_output_is_that_of_the_stage(project, capsys):
    predict(NEW, "-o", "out.csv")
    assert Path("out.csv").read_bytes() == STORED.read_bytes()
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "note: data/raw/new.csv, line 6: 1 text is empty, and predicted all the same" in (
        printed.err
    )
    assert "12 rows predicted: out.csv" in printed.err

    predict(NEW)
    assert capsys.readouterr().out == STORED.read_text(encoding="utf-8")


@pytest.mark.parametrize("packed", ["", ".gz"])
@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl", "parquet"])
def test_every_format_in_and_out(kind, packed, project):
    table = pd.read_csv(NEW, dtype=str, keep_default_na=False)
    source, out = Path(f"in.{kind}{packed}"), Path(f"new folder/out.{kind}{packed}")
    compression = "gzip" if packed else None
    if kind == "parquet":
        table.to_parquet("plain.parquet")
        content = Path("plain.parquet").read_bytes()
        source.write_bytes(gzip.compress(content) if packed else content)
    elif kind == "jsonl":
        table.to_json(
            source, orient="records", lines=True, force_ascii=False, compression=compression
        )
    else:
        separator = "\t" if kind == "tsv" else ","
        table.to_csv(source, index=False, sep=separator, compression=compression)

    predict(source, "-o", out)
    first = out.read_bytes()
    predict(source, "--out", out)

    pd.testing.assert_frame_equal(
        read_output(out), read_output(STORED), check_dtype=False, check_exact=True
    )
    assert out.read_bytes() == first
    assert [path.name for path in out.parent.iterdir()] == [out.name]


def test_parts_and_batches_change_nothing(project, monkeypatch):
    rows = [f"u{n},{row['text']}" for n, row in enumerate(projects.topics(60))]
    Path("in.csv").write_text("\n".join(["id,text", *rows]) + "\n", encoding="utf-8")
    predict("in.csv", "-o", "whole.csv")
    monkeypatch.setattr(partial_reading, "PART_BYTES", 300)
    monkeypatch.setattr(input_rows, "BATCH_ROWS", 7)
    predict("in.csv", "-o", "parts.csv")
    predict("in.csv", "-o", "parts.parquet")

    assert Path("parts.csv").read_bytes() == Path("whole.csv").read_bytes()
    assert read_output(Path("parts.parquet"))["id"].tolist() == [f"u{n}" for n in range(60)]


def test_texts_of_the_command_line(project, capsys):
    predict("--text", "은행 금리", "--text", "축구, 경기")
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))

    assert table["id"].tolist() == [1, 2]
    assert table["predicted"].tolist() == Predictor().predict(["은행 금리", "축구, 경기"])
    assert list(table.columns) == list(read_output(STORED).columns)


@pytest.mark.parametrize(
    ("content", "how", "ids"),
    [
        ("은행 금리\n\n축구\n", "one text a line", [1, 2, 3]),
        ("은행 금리\r\n축구", "one text a line", [1, 2]),
        ('id,text\na,"x, y"\nb,z\n', "csv with column 'text'", ["a", "b"]),
        ("text\tid\nx, y\ta\n", "tsv with column 'text'", ["a"]),
        ('{"text": "x", "id": "a"}\n', "jsonl with column 'text'", ["a"]),
    ],
)
def test_standard_input(content, how, ids, project, monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content.encode())))
    predict("-")
    printed = capsys.readouterr()

    assert pd.read_csv(io.StringIO(printed.out))["id"].tolist() == ids
    assert f"note: standard input was read as {how}" in printed.err


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "standard input is empty"),
        (b"id,text\na,b,c\n", "standard input, line 2: 3 fields where the header has 2"),
        (b"plain\n\xff\n", "standard input, line 2: is not UTF-8"),
    ],
)
def test_standard_input_that_cannot_be_read(content, message, project, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(content)))

    assert message in refusal("-")


def test_columns_of_other_names(project, capsys):
    Path("in.csv").write_text("key,body\nk1,은행 금리\n", encoding="utf-8")

    message = refusal("in.csv", "-o", "out.csv")
    assert "in.csv has no column 'text'" in message
    assert "it has key, body. Name the column: --text-column NAME" in message
    assert not Path("out.csv").exists()
    predict("in.csv", "--text-column", "body")
    printed = capsys.readouterr()
    assert printed.out.splitlines()[1].startswith("1,economy,")
    assert "note: in.csv has no column 'id', so `id` is the row's number" in printed.err
    predict("in.csv", "--text-column", "body", "--id-column", "key")
    assert capsys.readouterr().out.splitlines()[1].startswith("k1,economy,")
    assert "no column 'kee' (did you mean 'key'?) with the ids" in refusal(
        "in.csv", "--text-column", "body", "--id-column", "kee"
    )


def test_values_are_those_of_the_training_not_of_an_edited_file(project, capsys):
    predict(NEW)
    before = capsys.readouterr().out
    lock = {"prepare": {"params": {"params.yaml": {"data": {"text": "text"}}}}}
    Path("dvc.lock").write_text(json.dumps({"stages": lock}), encoding="utf-8")
    projects.set_params(
        Path("params.yaml"), {"data.text": "body", "prepare.unicode": "none", "model": "scratch"}
    )
    predict(NEW)

    printed = capsys.readouterr()
    assert printed.out == before
    assert "note: params.yaml has other values than the models were trained with" in printed.err
    Path("params.yaml").write_text("not: [valid", encoding="utf-8")
    predict(NEW)
    assert capsys.readouterr().out == before


@pytest.mark.parametrize("model", ["ensemble", "model"])
def test_members_of_the_ensemble(model, project, capsys):
    predict(NEW, "--model", model)
    table = pd.read_csv(io.StringIO(capsys.readouterr().out))

    texts = pd.read_csv(NEW, dtype=str, keep_default_na=False)["text"]
    assert table["predicted"].tolist() == Predictor(model=model).predict(texts)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "name a file to predict (- for standard input), or --text TEXT (found neither)"),
        ([NEW, "--text", "a"], "(found both)"),
        (["nwe.csv"], "nwe.csv does not exist"),
        (["data/raw/nwe.csv"], "did you mean data/raw/new.csv?"),
        (["data"], "data is a folder: name one file"),
        (["params.yaml"], "not a supported format"),
        ([NEW, "-o", "out.xlsx"], "must end with .csv, .tsv, .jsonl, .parquet"),
        ([NEW, "-o", "out"], "must end with .csv"),
        ([NEW, "-o", "data"], "data is a folder"),
        ([NEW, "-o", "data/raw/rows.csv"], "holds your own files"),
        (["in.csv", "-o", "in.csv"], "in.csv is the file to predict"),
        (["in.csv", "-o", "./link.csv"], "link.csv is the file to predict"),
        (["in.csv", "-o", "out.jsonl", "--escape-formulas"], "is for csv and tsv"),
        (["--text", "a", "--pair", "b"], "the models read single texts"),
        (["--text", "a", "--text", "b", "--pair", "c"], "found 2 --text and 1 --pair"),
    ],
    ids=str,
)
def test_what_cannot_be_done_is_refused(arguments, message, project):
    shutil.copy(NEW, "in.csv")
    Path("link.csv").symlink_to("in.csv")
    before = {path: path.stat().st_mtime_ns for path in Path().rglob("*") if path.is_file()}

    assert message in refusal(*arguments)
    assert before == {p: p.stat().st_mtime_ns for p in Path().rglob("*") if p.is_file()}


@pytest.mark.parametrize(
    ("arguments", "advice", "corrected"),
    [
        ([], r"or (--text) TEXT", ["{0}", "a"]),
        ([NEW, "--text", "a"], r"name a file to predict", [NEW]),
        (["data/raw/nwe.csv"], r"did you mean (\S+?)\?", ["{0}"]),
        (["data"], r"name one file", [NEW]),
        (
            [NEW, "-o", "out.xlsx"],
            r"must end with (\.csv), (\.tsv), (\.jsonl)",
            [NEW, "-o", "out{0}"],
        ),
        ([NEW, "-o", "out.xlsx"], r"one of these and (\.gz)", [NEW, "-o", "out.csv{0}"]),
        ([NEW, "-o", "data"], r"name a file in it", [NEW, "-o", "data/out.csv"]),
        ([NEW, "-o", "data/raw/rows.csv"], r"name another folder", [NEW, "-o", "rows.csv"]),
        (["in.csv", "-o", "in.csv"], r"name another one", ["in.csv", "-o", "out.csv"]),
        (
            ["in.csv", "-o", "o.jsonl", "--escape-formulas"],
            r"is for (csv) and (tsv)",
            ["in.csv", "-o", "o.{0}", "--escape-formulas"],
        ),
        (["--text", "a", "--pair", "b"], r"leave out --pair", ["--text", "a"]),
    ],
    ids=str,
)
def test_what_a_refusal_names_works(arguments, advice, corrected, project):
    shutil.copy(NEW, "in.csv")
    named = re.search(advice, refusal(*arguments))
    assert named
    for value in named.groups() or ("",):
        predict(*(str(word).format(value) for word in corrected))


def test_without_an_ensemble_its_members_predict(project):
    Path("models/ensemble.json").unlink()
    name = re.search(r"predict with a member of it, as (\w+)", refusal(NEW))[1]
    predict(NEW, "--model", name, "-o", "out.csv")


def test_a_fault_in_the_file_leaves_the_former_output(project):
    Path("out.csv").write_text("former", encoding="utf-8")
    Path("in.csv").write_text("id,text\na,b\nc,d,e\n", encoding="utf-8")

    assert "in.csv, line 3: 3 fields" in refusal("in.csv", "-o", "out.csv")
    assert Path("out.csv").read_text(encoding="utf-8") == "former"
    assert not list(Path().glob(".out*"))


def test_formulas_are_escaped_where_asked(project, capsys):
    Path("in.csv").write_text("id,text\n=1+1,은행\n-5,축구\n", encoding="utf-8")

    predict("in.csv")
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()[1:]] == [
        "=1+1",
        "-5",
    ]
    predict("in.csv", "--escape-formulas")
    assert [line.split(",")[0] for line in capsys.readouterr().out.splitlines()[1:]] == [
        "'=1+1",
        "-5",
    ]


@pytest.mark.parametrize("escape", [False, True])
def test_formulas_in_the_submission(escape, project):
    table = schemas.UNLABELLED.read()
    table.loc[0, "id"] = "=u0"
    schemas.UNLABELLED.write(table)
    projects.set_params(Path("params.yaml"), {"predict.escape_formulas": escape})
    projects.run("predict")
    submission = pd.read_csv("data/predictions/submission.csv")

    assert submission["id"].tolist()[:2] == ["'=u0" if escape else "=u0", "u1"]
    assert schemas.UNLABELLED_PREDICTIONS.read()["id"][0] == "=u0"


def test_text_pairs(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    projects.make(tmp_path, {"model": "tfidf", "data.predict": str(NEW)}, "regression")
    rows = [{key: row[key] for key in ("id", "a", "b")} for row in projects.pairs(8)]
    projects.write_csv(NEW, [row | {"id": f"u{n}"} for n, row in enumerate(rows)])
    projects.run()
    predict(NEW, "-o", "out.csv")

    assert Path("out.csv").read_bytes() == STORED.read_bytes()
    stored = schemas.UNLABELLED_PREDICTIONS.read()["predicted"]
    capsys.readouterr()
    predict("--text", rows[3]["a"], "--pair", rows[3]["b"])
    # One row is summed in another order than many: the last digit may differ.
    one = pytest.approx(float(stored[3]), rel=1e-12)
    assert float(capsys.readouterr().out.splitlines()[1].split(",")[1]) == one
    text = f"{rows[3]['a']}\t{rows[3]['b']}\n"
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    predict("-")
    assert float(capsys.readouterr().out.splitlines()[1].split(",")[1]) == one
    assert "give each --text its --pair" in refusal("--text", "a")
    Path("in.csv").write_text("a,c\nx,y\n", encoding="utf-8")
    assert "no column 'b' with the second texts" in refusal("in.csv")
    predict("in.csv", "--pair-column", "c", "-o", "other.csv")
    assert len(read_output(Path("other.csv"))) == 1


def test_a_linear_model_needs_no_torch(project):
    code = (
        "import sys; from foldline.cli import main; main(['predict', '--text', 'x']); "
        "print([m for m in ('torch', 'transformers', 'datasets', 'nlpaug') if m in sys.modules])"
    )
    variables = os.environ | {"PYTHONPATH": str(ROOT)}
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=variables
    )

    assert result.stdout.splitlines()[-1] == "[]", result.stderr
