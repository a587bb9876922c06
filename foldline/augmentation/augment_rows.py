"""Training rows are under-sampled, then copied with changes; each copy names its source."""

import sys
from collections.abc import Set
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import pandas as pd
from tqdm import tqdm

from foldline.augmentation import quality_filters, sampling_plan
from foldline.augmentation.changing import Ask, Changer
from foldline.augmentation.undersampling import kept
from foldline.core.io.components import Options
from foldline.core.params import Augment

ORIGINAL = "original"
# A copy that fails a gate which looks at it alone is drawn again so many times.
TRIES = 4
# Copies that a worker makes at once: fixed, so that their number cannot change a result.
CHUNK = 2000
# One process does these: they hold a model, write down answers, or cost no more than the sending.
ALONE = ("backtranslation", "llm", "aeda", "swap", "delete", "pairswap")
# Each try of these is paid for.
ONCE = ("llm",)


class Copy(NamedTuple):
    """A copy that was asked for, and the gate that it failed: an empty text if none."""

    place: int  # of its source, in the rows by id
    ask: Ask
    method: str
    texts: tuple[str, str] = ("", "")
    gate: str = ""


@dataclass(frozen=True)
class Balanced:
    """What balancing came to.

    `rows` to train on (contract AUGMENTED), `removed` by under-sampling, and in `copies` all that
    were asked for: source_id, label, method, texts before and after, and `gate`, the one that a
    copy failed, an empty text if none; `notes` are lines for the user.
    """

    rows: pd.DataFrame
    removed: pd.DataFrame
    copies: pd.DataFrame
    notes: list[str]


def balance(
    rows: pd.DataFrame,
    augment: Augment,
    task: str,
    seed: int,
    held: Set[str] = frozenset(),
    jobs: int = 1,
    components: Options = MappingProxyType({}),
) -> Balanced:
    """Give the rows to train on, with `source_id` and `method`.

    What happens depends on these rows (whatever their order), params and seed alone. Call it on
    the training part of a fold and nothing outside that part can have an effect; `held` are
    digests of texts that no copy may equal. `jobs` processes change texts, with equal results.
    `components` are the options of augmenters from components/.

    Raises:
        FoldlineError: where a method cannot be used on these rows, or needs too much memory.
    """
    order = np.argsort(rows["id"].to_numpy(dtype=object), kind="stable")
    by_id = rows.iloc[order].reset_index(drop=True)
    stands = sampling_plan.stands_for(by_id, task, augment.bins)
    stays = kept(by_id, stands, augment.undersample, seed)
    ids = by_id["id"][stays].tolist()
    wanted = sampling_plan.wanted(ids, stands[stays], augment, seed)
    asked = _asked(by_id, wanted, augment, seed)
    made: list[Copy] = []
    if asked:
        gate = quality_filters.Gate(by_id, augment.gates, held)
        made = _made(asked, Changer(by_id, augment, task, seed, components), gate, jobs)
    copies = _table(by_id, made)
    notes = _judge(by_id, copies, augment, task, seed)
    staying = np.empty(len(rows), dtype=bool)
    staying[order] = stays
    originals = rows[staying].assign(source_id=rows["id"][staying], method=ORIGINAL)
    # Copies stand behind, in the order of their sources.
    passed = copies[copies["gate"] == ""]
    passed = passed.iloc[np.argsort(order[passed["place"]], kind="stable")]
    return Balanced(_joined(originals, by_id, passed), rows[~staying], copies, notes)


def _asked(rows: pd.DataFrame, wanted: dict[str, int], augment: Augment, seed: int) -> list[Copy]:
    """List the copies that are wanted, by id of the source and number."""
    columns = [rows[name].tolist() for name in ("text", "text_pair", "label", "id")]
    return [
        Copy(
            place,
            Ask(text, pair, label, name, number),
            sampling_plan.method_of(name, number, augment, seed),
        )
        for place, (text, pair, label, name) in enumerate(zip(*columns, strict=True))
        for number in range(wanted.get(name, 0))
    ]


def _made(asked: list[Copy], changer: Changer, gate: quality_filters.Gate, jobs: int) -> list[Copy]:
    """Make the copies; one that fails a gate that looks at it alone is drawn again."""
    done: list[Copy] = []
    for attempt in range(TRIES):
        failed: list[Copy] = []
        for copy in changed(asked, changer, attempt, jobs):
            refused = gate.refused((copy.ask.text, copy.ask.text_pair), copy.texts)
            again = refused and copy.method not in ONCE
            (failed if again else done).append(copy._replace(gate=refused))
        asked = failed
        if not asked:
            break
    return sorted([*done, *asked], key=lambda copy: (copy.place, copy.ask.number))


def changed(asked: list[Copy], changer: Changer, attempt: int, jobs: int) -> list[Copy]:
    """Change the texts of all copies, method by method, in chunks shared over processes."""
    by_method: dict[str, list[int]] = {}
    for index, copy in enumerate(asked):
        by_method.setdefault(copy.method, []).append(index)
    texts: dict[int, tuple[str, str]] = {}
    for method, indices in sorted(by_method.items()):
        asks = [asked[index].ask for index in indices]
        chunks = [asks[begin : begin + CHUNK] for begin in range(0, len(asks), CHUNK)]
        workers = 1 if method in ALONE else min(jobs, len(chunks))
        found = _shared(changer, method, chunks, attempt, workers)
        texts |= dict(zip(indices, found, strict=True))
    return [copy._replace(texts=texts[index]) for index, copy in enumerate(asked)]


def _shared(
    changer: Changer, method: str, chunks: list[list[Ask]], attempt: int, workers: int
) -> list[tuple[str, str]]:
    from joblib import Parallel, delayed

    tasks = (delayed(changer.change)(method, chunk, attempt) for chunk in chunks)
    parallel = Parallel(n_jobs=workers, return_as="generator")
    found: list[tuple[str, str]] = []
    total = sum(map(len, chunks))
    with tqdm(
        total=total, desc=method, unit="copy", disable=len(chunks) < 2, file=sys.stderr
    ) as bar:
        for texts in parallel(tasks):
            found += texts
            bar.update(len(texts))
    return found


def _table(rows: pd.DataFrame, copies: list[Copy]) -> pd.DataFrame:
    """Give the copies as a table, with ids that no row has."""
    taken = set(rows["id"].tolist())
    records = []
    for copy in copies:
        name = f"{copy.ask.name}+{copy.method}{copy.ask.number}"
        while name in taken:
            name += "+"
        taken.add(name)
        one = (copy.ask.name, copy.ask.label, copy.ask.text, copy.ask.text_pair)
        records.append((copy.place, name, *one, copy.method, *copy.texts, copy.gate))
    columns = ["place", "id", "source_id", "label", "source_text", "source_pair", "method"]
    return pd.DataFrame(records, columns=[*columns, "text", "text_pair", "gate"])


def _judge(
    rows: pd.DataFrame, copies: pd.DataFrame, augment: Augment, task: str, seed: int
) -> list[str]:
    """Fill in the gates that look at all copies together; who fails one is drawn no more."""
    limits, notes = augment.gates, []
    if limits.near < 1:
        passed = copies[copies["gate"] == ""]
        found, how = quality_filters.near(rows, passed, limits.near)
        notes.append(how)
        copies.loc[passed.index[found], "gate"] = "near"
    if limits.min_agreement > 0:
        passed = copies[copies["gate"] == ""]
        found = quality_filters.agreement(rows, passed, task, seed) < limits.min_agreement
        copies.loc[passed.index[found], "gate"] = "agreement"
    return notes


def _joined(originals: pd.DataFrame, by_id: pd.DataFrame, passed: pd.DataFrame) -> pd.DataFrame:
    """Put the copies behind the originals; all that is not changed is their source's."""
    if passed.empty:
        return originals.reset_index(drop=True)
    new = {name: passed[name].tolist() for name in ("id", "text", "text_pair", "source_id")}
    made = by_id.iloc[passed["place"].tolist()].assign(**new, method=passed["method"].tolist())
    return pd.concat([originals, made], ignore_index=True)
