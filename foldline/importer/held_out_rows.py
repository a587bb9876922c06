"""Whether training rows are taken as a test set, where a competition's test rows have no labels."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from foldline.core.params import Settings
from foldline.data.splits import resolve_ratios
from foldline.importer.sources import Source

_PARTS = ("valid", "test", "predict")
WITHOUT_TEST = {"split.ratios": [1.0, 0.0, 0.0]}


def choose_ratios(
    sources: Sequence[Source],
    values: Mapping[str, Any],
    current: Settings,
    no_test: bool,
    ask: Callable[[str], bool] | None,
) -> tuple[dict[str, Any], list[str]]:
    """Return the value of split.ratios to set, if any, and lines that say what will happen.

    `ask` puts a question where somebody can answer it; None: the training rows are divided as
    params.yaml says. Nothing is said where there are official test rows, or no rows to predict.
    """
    files = {part: values.get(f"data.{part}", getattr(current.data, part)) for part in _PARTS}
    if no_test:
        return WITHOUT_TEST, []
    if files["test"] is not None or files["predict"] is None:
        return {}, []
    rows = next(len(source.raw) for source in sources if source.part == "train")
    train, valid, test = resolve_ratios(current.split, rows)
    if not test:
        return {}, ["\nsplit.ratios in params.yaml takes no test rows: scores will be out of fold"]
    taken = round(rows * test / (train + test + (0 if files["valid"] is not None else valid)))
    lines = [
        f"\nThere are no test rows with labels, so `split` takes about {taken:,} of the {rows:,} "
        "training rows as a test set: an honest score, but no model learns from them."
    ]
    if ask is None:
        lines.append(
            "To learn from them and score out of fold instead, repeat the import with --no-test, "
            "or run: dvc exp run -S 'split.ratios=[1,0,0]'"
        )
        return {}, lines
    print(*lines)
    if ask("Take them? Otherwise all are learnt from, and scores are out of fold. [Y/n] "):
        return {}, []
    return WITHOUT_TEST, []
