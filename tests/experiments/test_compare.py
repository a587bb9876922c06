"""`foldline compare`, and what `evaluate` says about the commit before."""

import csv
import json
import sys
from argparse import Namespace

import pandas as pd
import pytest

from foldline.core.errors import FoldlineError
from foldline.core.io import schemas
from foldline.core.io.labels import Labels
from foldline.experiments import compare
from tests.helpers.git_projects import git, make_repository
from tests.helpers.projects import set_params
from tests.helpers.repositories import call, copy_project

LABELS = Labels("classification", ("a", "b"))


def test_a_version_is_what_git_or_dvc_calls_it(workplace):
    make_repository(workplace, {"a": "1"})
    head = git(workplace, "rev-parse", "HEAD")
    git(workplace, "update-ref", f"refs/exps/ab/{head}/clear-moth", head)

    for name in ("HEAD", "main", head[:8], "clear-moth", "exp:clear-moth", f"rev:{head[:8]}"):
        assert compare.resolve(name) == head
    with pytest.raises(FoldlineError, match="unknown experiment 'clear-mot'; did you mean"):
        compare.resolve("clear-mot")
    with pytest.raises(FoldlineError, match=r"at most two versions \(found 3\)"):
        compare.run(Namespace(revisions=["a", "b", "c"], test=False))


def test_other_rows_are_refused(workplace):
    rows = pd.DataFrame({"id": ["r1", "r2"], "label": "a", "predicted": "a", "fold": 0})
    schemas.ENSEMBLE_OUT_OF_FOLD.write(rows.assign(p_a=1.0, p_b=0.0))
    read = ("workspace", schemas.ENSEMBLE_OUT_OF_FOLD, LABELS)

    assert compare.read_version(*read, rows.iloc[::-1])["id"].tolist() == ["r2", "r1"]
    with pytest.raises(FoldlineError, match=r"of workspace has other rows: 1 only there, 0 only"):
        compare.read_version(*read, rows.iloc[:1])


@pytest.mark.slow
def test_a_change_is_compared_with_the_commit_before(tmp_path):
    folder = tmp_path / "project"
    copy_project(folder, {"model": "majority", "ensemble.members": {"model": {}}})

    def report(name: str) -> dict:
        return json.loads((folder / f"reports/{name}.json").read_text(encoding="utf-8"))

    def run(*command: str, code: int = 0) -> str:
        return call(folder, sys.executable, "-m", *command, code=code)

    run("dvc", "repro", "evaluate")
    assert "no record of data/predictions/test.csv" in report("comparison")["parent"]["reason"]
    call(folder, "git", "add", "-A")
    call(folder, "git", "commit", "-qm", "before")
    with (folder / "data/test.csv").open(encoding="utf-8", newline="") as stream:
        answers = [f"{row['id']},{row['label']}" for row in csv.DictReader(stream)]
    (folder / "data/raw/old.csv").write_text("\n".join(["id,predicted", *answers, ""]))
    external = {"old": "data/raw/old.csv"}
    set_params(folder / "params.yaml", {"model": "tfidf", "evaluate.external": external})
    said = run("dvc", "repro", "evaluate")

    parent = report("comparison")["parent"]
    evaluated = report("evaluation")
    assert parent["commit"] == git(folder, "rev-parse", "HEAD")
    assert parent["verdict"] == "better"
    assert parent["flips"]["fixed"]["count"] > parent["flips"]["broken"]["count"]
    assert f"commit {parent['commit'][:12]} -> now: better" in said
    assert evaluated["external"]["old"]["f1_macro"] == 1
    assert evaluated["external"]["old"]["roc_auc"] is None
    (old,) = [own for own in evaluated["comparisons"] if own["kind"] == "external"]
    assert old["difference"] <= 0 and old["mcnemar"]["only_first"] == 0

    said = run("foldline", "compare")
    assert "HEAD -> workspace: better" in said
    assert report("compare")["rows"] == "out-of-fold"
    assert "test f1_macro" in run("foldline", "compare", "HEAD", "--test")
    assert report("compare")["flips"] == parent["flips"]
    assert "HEAD -> HEAD: not distinguishable" in run("foldline", "compare", "HEAD", "HEAD")
    said = run("foldline", "compare", "HAED", code=1)
    assert "unknown experiment 'HAED'" in said and "Traceback" not in said
    recorded = (folder / "dvc.lock").read_bytes()
    run("dvc", "repro", "--force", "--single-item", "evaluate")
    assert (folder / "dvc.lock").read_bytes() == recorded
