"""Read the raw files and bring their rows to one checked form."""

from pathlib import Path

from foldline.corpus.preparing import prepare_rows
from foldline.frame import contract
from foldline.frame.files import write_json, write_metrics
from foldline.frame.params import Data, Prepare, Section, Task
from foldline.frame.stage import run, say


class Params(Section):
    task: Task
    data: Data
    prepare: Prepare


def main(params: Params) -> None:
    found = prepare_rows(params.task, params.data, params.prepare)
    for note in found.notes:
        say(f"note: {note}")
    contract.PREPARED.write(found.rows)
    contract.ORIGINALS.write(found.originals)
    contract.UNLABELLED.write(found.unlabelled)
    found.labels.save()
    write_json(Path("metrics/preparation.json"), found.details | {"notes": found.notes})
    write_metrics(Path("metrics/prepare.json"), {"prepare": found.metrics})
    classes = f", {len(found.labels.classes)} classes" if found.labels.classes else ""
    say(f"{len(found.rows)} rows{classes}")


if __name__ == "__main__":
    run(main, Params)
