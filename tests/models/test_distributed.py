"""Two processes learn what one does: a step's rows are shared between them, and its loss is one."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pandas as pd
import pytest

from tests.conftest import ROOT

SCRIPT = """
import json, os, sys
from pathlib import Path

import pandas as pd

from foldline.core.io.labels import Labels
from foldline.core.params import Recipe
from foldline.models import registry
from foldline.models.interface import Job

rows, recipe, folder = sys.argv[1:]
table = pd.read_csv(rows, dtype=str, keep_default_na=False)
labels = Labels("classification", tuple(sorted(set(table["label"]))))
rank = os.environ.get("RANK", "0")
job = Job(table.iloc[:34], table.iloc[:0], labels,
          Recipe.model_validate_json(Path(recipe).read_text()), Path(folder) / "scratch")
fitted = registry.fit(job)
losses = [row["loss"] for row in fitted.history]
norms = [row["grad_norm"] for row in fitted.history]
found = {"losses": losses, "norms": norms, "predicted": fitted.model.predict(table).tolist()}
(Path(folder) / f"{rank}.json").write_text(json.dumps(found))
"""


def train_processes(folder: Path, table: pd.DataFrame, content: str, processes: int) -> list[dict]:
    """Train in so many processes; give what each of them found."""
    folder.mkdir()
    (folder / "train.py").write_text(SCRIPT)
    (folder / "recipe.json").write_text(content)
    table.to_csv(folder / "rows.csv", index=False)
    launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    subprocess.run(
        [
            sys.executable,
            *(launch if processes > 1 else []),
            *(str(folder / name) for name in ("train.py", "rows.csv", "recipe.json")),
            str(folder),
        ],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        cwd=folder,
        check=True,
        capture_output=True,
        timeout=240,
    )
    return [json.loads((folder / f"{rank}.json").read_text()) for rank in range(processes)]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("accumulation", "more"),
    [
        (1, {}),
        (2, {}),
        # As large that the change of weights itself shows where processes disagree on it.
        (2, {"train.adversarial": "awp", "train.adversarial_size": 200.0}),
    ],
)
def test_one_process_is_two(tmp_path, rows, recipe, accumulation, more) -> None:
    dotted = {"scratch.dropout": 0.0, "train.warmup": 0.0, "train.accumulation": accumulation}
    dotted |= more
    content = recipe(dotted, batch_size=16 // accumulation).model_dump_json()
    (one,) = train_processes(tmp_path / "one", rows(), content, 1)
    two = train_processes(tmp_path / "two", rows(), content, 2)
    assert len(one["losses"]) == 6
    for found in two:
        assert found["losses"] == pytest.approx(one["losses"], abs=2e-4)
        assert found["norms"] == pytest.approx(one["norms"], rel=2e-3)
        for own, other in zip(found["predicted"], one["predicted"], strict=True):
            assert own == pytest.approx(other, abs=2e-3)
