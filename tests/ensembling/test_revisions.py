"""Members that are other experiments: found by name, read by commit, refused where unlike."""

import subprocess
from pathlib import Path

import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.ensembling import revisions
from foldline.ensembling.revisions import check_split, read_revision, resolve_revision

LABELS = Labels("classification", ("a", "b"))


def git(*arguments: str) -> str:
    command = ["git", "-c", "user.name=x", "-c", "user.email=x@y", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@pytest.fixture
def commits(workplace: Path) -> list[str]:
    """Make three commits; the first two are the experiments one and two."""
    git("init", "-q")
    made = []
    for number in range(3):
        git("commit", "-q", "--allow-empty", "-m", str(number))
        made.append(git("rev-parse", "HEAD"))
    for name, commit in zip(("one", "two"), made, strict=False):
        git("update-ref", f"refs/exps/ab/{made[0]}/{name}", commit)
    git("update-ref", "refs/exps/exec/EXEC_HEAD", made[0])
    return made


def test_an_experiment_is_found_by_its_name(commits) -> None:
    assert resolve_revision("exp:one") == commits[0]
    assert resolve_revision("exp:two") == commits[1]
    assert resolve_revision(f"rev:{commits[2][:7]}") == commits[2]


def test_what_cannot_be_found_is_told(commits) -> None:
    with pytest.raises(FoldlineError, match=r"exp:tow: unknown experiment 'tow'; did you mean"):
        resolve_revision("exp:tow")
    with pytest.raises(FoldlineError, match="rev:ffffff: git knows no commit ffffff"):
        resolve_revision("rev:ffffff")
    git("update-ref", f"refs/exps/cd/{commits[1]}/one", commits[2])
    with pytest.raises(FoldlineError, match=r"2 experiments have this name .*name one as rev:"):
        resolve_revision("exp:one")


@pytest.fixture
def tables(monkeypatch: pytest.MonkeyPatch) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Put folds and predictions in the place of those of a commit."""
    ids = ["r1", "r2", "r3"]
    folds = pd.DataFrame({"id": ids, "repeat": 0, "fold": [0, 1, 0], "duplicate": ""})
    predictions = pd.DataFrame({"id": ids, "label": "a", "predicted": "a", "fold": [0, 1, 0]})
    predictions = predictions.assign(p_a=0.9, p_b=0.1)
    made = {schemas.FOLDS.path: folds, schemas.ENSEMBLE_OUT_OF_FOLD.path: predictions}
    read = {("abc", path): table for path, table in made.items()}
    monkeypatch.setattr(revisions, "_tables", read)
    return folds, predictions


def test_predictions_come_in_the_order_that_was_asked(tables) -> None:
    found = read_revision("exp:one", "abc", schemas.ENSEMBLE_OUT_OF_FOLD, ["r3", "r1"])
    assert found.index.tolist() == ["r3", "r1"]
    with pytest.raises(FoldlineError, match=r"no prediction of 1 of 2 rows \(r9\)"):
        read_revision("exp:one", "abc", schemas.ENSEMBLE_OUT_OF_FOLD, ["r3", "r9"])


def test_another_split_is_refused(tables) -> None:
    folds, _ = tables
    check_split("exp:one", "abc", folds, LABELS)
    with pytest.raises(FoldlineError, match="1 of 3 rows are in another fold, and 0 rows"):
        check_split("exp:one", "abc", folds.assign(fold=[0, 1, 1]), LABELS)
    with pytest.raises(FoldlineError, match="0 of 2 rows are in another fold, and 1 rows"):
        check_split("exp:one", "abc", folds.iloc[:2], LABELS)
    with pytest.raises(FoldlineError, match="have no p_c: it has other classes"):
        check_split("exp:one", "abc", folds, Labels("classification", ("a", "b", "c")))
