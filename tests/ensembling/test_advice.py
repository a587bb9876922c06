"""The advice of ensembling: it is followed, and the ensemble is better off."""

import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.core.io.labels import Labels
from foldline.core.params.loading import read_params
from foldline.ensembling.ensemble import Ensemble
from foldline.ensembling.ensemble_fit import fit_ensemble, read_out_of_fold
from foldline.ensembling.ensemble_report import describe_missing_gain, make_report
from tests.helpers import projects

LABELS = Labels("classification", ("a", "b"))


def predict_out_of_fold(member: str, right: int, n: int = 60) -> pd.DataFrame:
    """Predict two classes, sure of each; so many of the rows are right."""
    label = np.array(["a", "b"])[np.arange(n) % 2]
    a = np.where((label == "a") == (np.arange(n) < right), 0.95, 0.05)
    ids = [f"r{number}" for number in range(n)]
    table = pd.DataFrame({"id": ids, "member": member, "label": label, "p_a": a, "p_b": 1 - a})
    return table.assign(fold=np.arange(n) // 2 % 3)


def test_the_member_that_is_better_alone_is_taken_alone(workplace) -> None:
    """DVC takes the overrides that the note names."""
    from dvc.utils.hydra import apply_overrides

    projects.make(workplace)
    members = list(read_params(Path("params.yaml"))["ensemble"]["members"])
    rights = dict(zip(members, (30, 54), strict=True))
    table = pd.concat([predict_out_of_fold(name, right) for name, right in rights.items()])
    own = table[table["member"] == members[0]]
    rows = own[["id", "label"]].assign(group=own["id"], text="a text", text_pair="")

    def report(names: list[str]) -> tuple[Ensemble, dict[str, Any]]:
        out_of_fold = read_out_of_fold(table, rows, names, LABELS, seed=1, revisions={})
        ensemble = fit_ensemble("soft", out_of_fold)
        return ensemble, make_report(ensemble, out_of_fold, 100, 0.95, seed=1)

    ensemble, found = report(members)
    note = describe_missing_gain(ensemble, found)
    assert note

    apply_overrides("params.yaml", re.findall(r"-S '(.*?)'", note))

    (left,) = read_params(Path("params.yaml"))["ensemble"]["members"]
    assert left == members[1] == found["best_member"]
    alone, again = report([left])
    assert again["methods"]["soft"] == max(found["members"].values())
    assert describe_missing_gain(alone, again) is None
