"""The advice of ensembling: it is followed, and the ensemble is better off."""

import re
from pathlib import Path

import numpy as np
import pandas as pd

from foldline.core.io.labels import Labels
from foldline.core.params.loading import read_params
from foldline.ensembling.ensemble_fit import describe_better_voter, fit_ensemble
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
    weights, scores = fit_ensemble(table, members, "hard", LABELS)
    note = describe_better_voter(weights, "hard", scores | {"hard": 0.0}, "f1_macro")
    assert note

    apply_overrides("params.yaml", re.findall(r"-S '(.*?)'", note))

    (left,) = read_params(Path("params.yaml"))["ensemble"]["members"]
    assert left == members[1]
    alone, again = fit_ensemble(table, [left], "hard", LABELS)
    assert again[left] == max(scores[name] for name in members)
    assert describe_better_voter(alone, "hard", again, "f1_macro") is None
