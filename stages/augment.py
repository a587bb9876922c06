"""Balance the training rows: drop some, make changed copies of others."""

from pathlib import Path

from foldline.balance.report import balance_report
from foldline.balance.rows import balance
from foldline.frame import contract
from foldline.frame.files import write_metrics
from foldline.frame.params import Augment, Section
from foldline.frame.stage import run, say


class Params(Section):
    seed: int
    augment: Augment


def main(params: Params) -> None:
    rows = contract.TRAIN.read()
    balanced = balance(rows, params.augment, params.seed)
    contract.AUGMENTED.write(balanced)
    metrics = balance_report(rows, balanced)
    write_metrics(Path("metrics/augment.json"), {"augment": metrics})
    say(f"{len(rows)} rows: {metrics['dropped']} dropped, {metrics['copies']} copies made")


if __name__ == "__main__":
    run(main, Params)
