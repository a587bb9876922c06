"""Read the raw files and bring their rows to one checked form."""

from pathlib import Path

from foldline.corpus.annotations import NOBODY
from foldline.corpus.beside import beside
from foldline.corpus.ceiling import told
from foldline.corpus.health import health
from foldline.corpus.preparing import prepare_rows
from foldline.frame import contract
from foldline.frame.files import write_json, write_metrics
from foldline.frame.params import Data, Prepare, Section, Task
from foldline.frame.stage import run, say


class Params(Section):
    seed: int
    task: Task
    data: Data
    prepare: Prepare


def main(params: Params) -> None:
    found = prepare_rows(params.task, params.data, params.prepare)
    checked = health(found.rows, found.labels, params.data, params.seed)
    notes = found.notes + checked.notes
    for note in notes:
        say(f"note: {note}")
    contract.PREPARED.write(found.rows)
    contract.ORIGINALS.write(found.originals)
    contract.UNLABELLED.write(found.unlabelled)
    judged = found.judged
    contract.ANNOTATIONS.write(judged.first if judged else NOBODY)
    contract.SHARES.write(found.soft_labels)
    contract.WEIGHTS.write(found.weights)
    agreement = judged.account(params.seed) if judged else {}
    write_json(Path("metrics/agreement.json"), agreement)
    found.labels.save()
    write_json(Path("data/beside.json"), beside(params.data))
    write_json(
        Path("metrics/preparation.json"),
        found.details | {"health": checked.details, "notes": notes},
    )
    write_metrics(Path("metrics/prepare.json"), {"prepare": found.metrics | checked.metrics})
    for line in told(agreement):
        say(line)
    classes = f", {len(found.labels.classes)} classes" if found.labels.classes else ""
    say(f"{len(found.rows)} rows{classes}")


if __name__ == "__main__":
    run(main, Params)
