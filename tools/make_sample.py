"""Make the small, synthetic sample data in `data/raw/`: `python -m tools.make_sample`.

The same bytes come out every time. `topics` and `pairs` also say which rows were planted and why,
so that a tool which looks for duplicates or wrong labels can be checked against the truth.
"""

import csv
import re
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from pathlib import Path
from random import Random

from tools.sample_words import ENGLISH, ENGLISH_SENTENCES, KOREAN, KOREAN_SENTENCES, Said, spelled

SEED, START, LATER = 20250301, date(2023, 1, 1), date(2025, 1, 1)
TOPICS = dict(economy=320, politics=270, society=220, culture=180, sports=146, science=64)
TOPIC_TRAPS = {"duplicate": 24, "restyled": 18, "near": 30, "conflict": 12}
N_VAGUE, N_WRONG, N_NEW, N_KNOWN = 20, 48, 117, 3
SPECIAL = {
    "empty": ("", "society"),
    "NA": ("NA", "economy"),
    "null": ("null", "politics"),
    "quotes": ('"Not now, not ever": ministers reject stadium budget, again', "politics"),
    "line break": ("박물관 전시 설명회,\n이번 주말 물빛시서 열려", "culture"),
}
KOREAN_SHARE, MIXED_SHARE, OWN_ACTOR_SHARE = 0.6, 0.08, 0.9
N_PAIRS, N_NEW_PAIRS = 900, 80
PAIR_TRAPS = {"duplicate": 12, "reversed": 20, "rescored": 10}
N_ANCHORS, N_PER_ANCHOR = 15, 4
CHANGE_COSTS = {"when": 5, "where": 6, "who": 8, "action": 10}  # In fifths of a point.
# How many slots differ in meaning, -1 for the very same sentence, and how often.
CHANGES = {-1: 5, 0: 22, 1: 23, 2: 18, 3: 12, 4: 20}
REWORD_SHARE, REORDER_SHARE = 0.6, 0.6


@dataclass(frozen=True)
class Headline:
    """One row of topics; `truth` is the label before it was spoiled, `planted` names the trap."""

    text: str
    label: str
    written: date
    truth: str
    planted: str = ""


@dataclass(frozen=True)
class Pair:
    """One row of pairs; `planted` names the trap."""

    sentence1: str
    sentence2: str
    score: float
    planted: str = ""


def normal_form(text: str) -> str:
    """Fold width, case and white space."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def near_form(text: str) -> str:
    """Fold what `normal_form` folds, and every number and punctuation mark."""
    return re.sub(r"\d+", "0", re.sub(r"[\W_]+", "", normal_form(text)))


def headline(rng: Random, topic: str, *, vague: bool) -> str:
    """Write one headline about the topic; a vague one says nothing that tells the topic."""
    words = KOREAN if rng.random() < KOREAN_SHARE else ENGLISH
    templates = words.mixed if rng.random() < MIXED_SHARE else words.templates
    actors = words.actors[topic] if rng.random() < OWN_ACTOR_SHARE else words.groups
    other = rng.choice([name for name in TOPICS if name != topic])
    text = rng.choice(words.vague if vague else templates).format(
        place=rng.choice(words.places),
        group=rng.choice(words.groups),
        actor=rng.choice(actors),
        time=rng.choice(words.times),
        event=rng.choice(words.events),
        plan=rng.choice(words.plans),
        subject=rng.choice(words.subjects[topic]),
        other=rng.choice(words.subjects[other]),
        count=rng.randint(12, 98) * 10,
        years=rng.randint(2, 30),
        share=rng.randint(11, 89),
    )
    return spelled(text)


def new_row(rng: Random, seen: set[str], topic: str, start: date, planted: str = "") -> Headline:
    """Write a headline unlike all seen ones, even with its numbers folded."""
    text = headline(rng, topic, vague=planted == "vague")
    while near_form(text) in seen:
        text = headline(rng, topic, vague=planted == "vague")
    seen.add(near_form(text))
    written = start + timedelta(days=rng.randrange(700 if start < LATER else 60))
    return Headline(text, topic, written, topic, planted)


def restyled(rng: Random, text: str) -> str:
    """Change width, white space or case alone."""
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
    ways = (wide, text.replace(" ", "  "), text.upper(), f" {text}\u3000")
    return rng.choice([way for way in ways if way != text])


def nearly(rng: Random, text: str) -> str:
    """Change the numbers, or the punctuation where there are none."""
    if re.search(r"\d", text):
        return re.sub(r"\d+", lambda found: str(int(found[0]) + rng.randint(1, 9)), text)
    return text + rng.choice(("!", "?", "...", "."))


def spoiled(rng: Random, trap: str, row: Headline) -> Headline:
    """Copy a row the way the trap says."""
    change = {"restyled": restyled, "near": nearly}.get(trap)
    others = [name for name in TOPICS if name != row.label]
    label = rng.choice(others) if trap == "conflict" else row.label
    text = change(rng, row.text) if change else row.text
    return replace(row, text=text, label=label, planted=trap)


def mislabelled(rng: Random, rows: Sequence[Headline]) -> list[Headline]:
    """Swap the labels of `N_WRONG` rows in twos, which leaves the class counts as they are."""
    changed, free = list(rows), list(range(len(rows)))
    for _ in range(N_WRONG // 2):
        one = rng.choice(free)
        two = rng.choice([i for i in free if rows[i].label != rows[one].label])
        for here, there in ((one, two), (two, one)):
            changed[here] = replace(rows[here], label=rows[there].label, planted="wrong label")
            free.remove(here)
    return changed


def topics(rng: Random) -> tuple[list[Headline], list[Headline]]:
    """Make the labelled rows, in the order of the file, and the unlabelled ones."""
    seen: set[str] = set()
    names, weights = list(TOPICS), list(TOPICS.values())
    traps = [trap for trap, count in TOPIC_TRAPS.items() for _ in range(count)]
    drawn = rng.choices(names, weights, k=N_VAGUE)
    rows = [new_row(rng, seen, topic, START, "vague") for topic in drawn]
    drawn = rng.choices(names, weights, k=len(traps))
    sources = [new_row(rng, seen, topic, START) for topic in drawn]
    rows += sources + [spoiled(rng, trap, row) for trap, row in zip(traps, sources, strict=True)]
    rows += [Headline(text, label, START, label, trap) for trap, (text, label) in SPECIAL.items()]
    # The rest fills every class up to its size; these rows alone may get a wrong label.
    sizes = Counter(row.label for row in rows)
    missing = [topic for topic in names for _ in range(TOPICS[topic] - sizes[topic])]
    rest = mislabelled(rng, [new_row(rng, seen, topic, START) for topic in missing])
    rows += rest
    right = [replace(row, written=LATER, planted="known") for row in rest if not row.planted]
    drawn = rng.choices(names, weights, k=N_NEW)
    unlabelled = [new_row(rng, seen, topic, LATER) for topic in drawn]
    unlabelled += rng.sample(right, N_KNOWN)
    rng.shuffle(rows)
    rng.shuffle(unlabelled)
    return rows, unlabelled


def reworded(rng: Random, base: Said, slots: Sequence[str]) -> Said:
    """Return the named slots another meaning and say all of it anew."""
    meaning = {}
    for slot, (old, way) in base.meaning.items():
        concepts = base.words.slots[slot]
        others = [i for i in range(len(concepts)) if i != old]
        concept = rng.choice(others) if slot in slots else old
        anew = slot in slots or rng.random() < REWORD_SHARE
        meaning[slot] = (concept, rng.randrange(len(concepts[concept])) if anew else way)
    order = rng.randrange(len(base.words.orders)) if rng.random() < REORDER_SHARE else base.order
    return Said(base.words, meaning, order)


def new_sentence(rng: Random, seen: set[str]) -> Said:
    """Draw a sentence not seen before."""
    words = KOREAN_SENTENCES if rng.random() < KOREAN_SHARE else ENGLISH_SENTENCES
    base = reworded(rng, Said(words, dict.fromkeys(words.slots, (-1, 0)), 0), list(words.slots))
    while base.text() in seen:
        base = reworded(rng, base, list(words.slots))
    seen.add(base.text())
    return base


def new_pair(rng: Random, seen: set[str], base: Said, planted: str = "") -> Pair:
    """Derive a second sentence from the first and score it by what changed, with some noise."""
    n_changes = rng.choices(list(CHANGES), list(CHANGES.values()))[0]
    if n_changes < 0 and not planted:
        return Pair(base.text(), base.text(), 5.0)
    slots = rng.sample(list(CHANGE_COSTS), max(n_changes, 0))
    other = reworded(rng, base, slots)
    while other.text() in seen:
        other = reworded(rng, base, slots)
    seen.add(other.text())
    score = 25 - sum(CHANGE_COSTS[slot] for slot in slots)
    n_wordings = sum(base.meaning[slot] != other.meaning[slot] for slot in base.meaning)
    score = max(2 if n_changes == 4 else 5, score) if slots else score - n_wordings
    score += rng.choice((-2, -1, 0, 0, 0, 1, 2))
    return Pair(base.text(), other.text(), min(25, max(0, score)) / 5, planted)


def spoiled_pair(rng: Random, trap: str, row: Pair) -> Pair:
    """Copy a pair the way the trap says; another score is at least one point away."""
    if trap == "reversed":
        return Pair(row.sentence2, row.sentence1, row.score, trap)
    step = rng.randint(5, 9) / (5 if row.score > 2 else -5) if trap == "rescored" else 0.0
    return replace(row, score=round(abs(row.score - step), 1), planted=trap)


def pairs(rng: Random) -> tuple[list[Pair], list[Pair]]:
    """Make the scored pairs, in the order of the file, and the unlabelled ones."""
    seen: set[str] = set()
    anchors = [new_sentence(rng, seen) for _ in range(N_ANCHORS)]
    rows = [new_pair(rng, seen, base, "recurring") for base in anchors for _ in range(N_PER_ANCHOR)]
    traps = [trap for trap, count in PAIR_TRAPS.items() for _ in range(count)]
    n_rest = N_PAIRS - len(rows) - len(traps)
    plain = [new_pair(rng, seen, new_sentence(rng, seen)) for _ in range(n_rest)]
    sources = rng.sample([row for row in plain if row.sentence1 != row.sentence2], len(traps))
    rows += plain + [spoiled_pair(rng, trap, row) for trap, row in zip(traps, sources, strict=True)]
    rng.shuffle(rows)
    unlabelled = [new_pair(rng, seen, new_sentence(rng, seen), "new") for _ in range(N_NEW_PAIRS)]
    return rows, unlabelled


def save(path: Path, prefix: str, columns: str, rows: Sequence[Headline | Pair]) -> None:
    """Write the named columns of the rows, with ids in front."""
    names = columns.split(",")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", *names])
        for i, row in enumerate(rows, 1):
            writer.writerow([f"{prefix}{i:04d}", *(getattr(row, name) for name in names)])


def write(folder: Path) -> None:
    """Write the five files into the folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, new = topics(Random(SEED))
    scored, unscored = pairs(Random(SEED + 1))
    blank = [replace(row, label=next(iter(TOPICS))) for row in new]
    save(folder / "topics.csv", "t", "text,label,written", rows)
    save(folder / "topics_unlabelled.csv", "u", "text,written", new)
    save(folder / "topics_sample_submission.csv", "u", "label", blank)
    save(folder / "pairs.csv", "p", "sentence1,sentence2,score", scored)
    save(folder / "pairs_unlabelled.csv", "q", "sentence1,sentence2", unscored)


if __name__ == "__main__":
    write(Path("data/raw"))
