"""Augmentation for regression: ranges count as classes, and pairs are copied as pairs."""

from foldline.augmentation import report, sampling_plan
from foldline.augmentation.augment_rows import augment_rows


def test_rare_numbers_are_copied_as_rare_classes_are(rows, augment) -> None:
    """Of a target from 0 to 10 in two ranges, 4 numbers in the upper one."""
    table = rows(n=24).assign(label=[*["0", "1", "2", "3"] * 5, "6", "8", "9", "10"])
    own = augment(method="aeda", strategy="balance", bins=2, copies=9)
    found = augment_rows(table, own, "regression", 1)
    high = found.rows["label"].astype(float) > 5

    assert sampling_plan.assign_classes(table, "regression", 2).tolist() == (
        ["0 to 5"] * 20 + ["5 to 10"] * 4
    )
    assert [(~high).sum(), high.sum()] == [20, 20]
    shown = report.make_details(table, found, "regression", own, 1)
    assert shown["histogram"] == {"edges": [0, 5, 10], "before": [20, 4], "after": [20, 20]}
    assert report.make_metrics(table, found, "regression", 2)["ratio_before"] == 5
    narrow = table.assign(label=[str(1 + n / 1e9) for n in range(24)])
    assert len(set(sampling_plan.assign_classes(narrow, "regression", 4))) == 4
    equal = table.assign(label="1")
    assert len(augment_rows(equal, own, "regression", 1).rows) == 24


def test_regression_pairs(rows, augment) -> None:
    table = rows("regression", pairs=True)
    own = augment(method="swap", strategy="n_per_row", copies=1)
    found = augment_rows(table, own, "regression", seed=1).rows
    copies = found[found["method"] == "swap"].set_index("source_id")
    sources = table.set_index("id").loc[copies.index]
    assert len(copies) == len(table)
    assert (copies["text"] != sources["text"]).all()
    assert (copies["text_pair"] != sources["text_pair"]).mean() > 0.5
    assert (copies["label"] == sources["label"]).all()
