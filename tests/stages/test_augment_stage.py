"""The stage augment: what it shows and what it reads, with one worker or two."""

import json
from pathlib import Path

import pandas as pd
import pytest

from foldline.augmentation.augment_rows import CHUNK_SIZE
from foldline.augmentation.external_inputs import hash_external_inputs
from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.data.leaks import text_digest
from tests.helpers import projects


def test_the_stage_shows_what_it_did_and_meets_no_held_text(tmp_path, monkeypatch, rows) -> None:
    monkeypatch.chdir(tmp_path)
    how = {"method": "delete", "strategy": "n_per_row", "copies": 3, "delete.share": 0.3}
    projects.make(tmp_path, {f"augment.{key}": value for key, value in how.items()})
    schemas.TRAIN.write(rows())
    schemas.HELD_OUT_HASHES.write(pd.DataFrame({"key": ["0" * 32]}))
    projects.run("augment")
    copies = schemas.AUGMENTED.read().query("method == 'delete'")
    victim = copies.iloc[0]
    schemas.HELD_OUT_HASHES.write(
        pd.DataFrame({"key": [text_digest(victim["text"], victim["text_pair"])]})
    )
    projects.run("augment")
    shown = json.loads(Path("metrics/augment.json").read_text())["augment"]
    again = schemas.AUGMENTED.read()

    assert len(copies) > 50
    assert victim["text"] not in again["text"].tolist()
    assert shown["rows"] == len(again)
    projects.set_params(Path("params.yaml"), {"augment.per_class": {"food": "none"}})
    with pytest.raises(FoldlineError, match="did you mean 'food 음식'"):
        projects.run("augment")


def test_files_that_are_read_are_known_by_their_content(workplace, augment) -> None:
    file = Path("data/raw/synonyms.tsv")
    file.parent.mkdir(parents=True)
    file.write_text("one\ttwo\n")
    unused = augment({"synonym.path": file.as_posix()}, method="aeda")
    used = augment(
        {"synonym.path": file.as_posix(), "undersample.method": "tomek"}
        | {"undersample.features": "embeddings", "undersample.encoder": "someone/model"},
        method="mix",
        mix={"eda": 1.0, "llm": 1.0},
    )
    before = hash_external_inputs(used)
    file.write_text("one\tthree\n")

    assert hash_external_inputs(unused) == {}
    assert list(before) == [file.as_posix()]  # no hub id, and no answers that are not there
    assert hash_external_inputs(used) != before


@pytest.mark.slow
@pytest.mark.parametrize("method", ["aeda", "mix"])
def test_one_and_two_workers_write_the_same_bytes(method, rows, tmp_path, monkeypatch) -> None:
    table = rows(n=2 * CHUNK_SIZE)
    found = []
    for jobs in (1, 2):
        (tmp_path / str(jobs)).mkdir()
        monkeypatch.chdir(tmp_path / str(jobs))
        how = {"method": method, "strategy": "n_per_row", "gates.min_agreement": 0.2}
        projects.make(Path(), {f"augment.{k}": v for k, v in how.items()} | {"runner.jobs": jobs})
        schemas.TRAIN.write(table.assign(id=[f"r{n}" for n in range(len(table))]))
        schemas.HELD_OUT_HASHES.write(pd.DataFrame({"key": []}))
        projects.run("augment")
        reports = [Path("metrics/augment.json"), Path("reports/augment.json")]
        written = [*reports, schemas.AUGMENTED.path]
        found.append({path.as_posix(): path.read_bytes() for path in written})

    assert found[0] == found[1]
    assert len(found[0]) == 3
    assert found[0]["data/train_augmented.csv"].count(b"\n") > 2 * len(table)
