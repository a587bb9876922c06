"""Write the synthetic sample data to `data/raw/`: `python -m tools.make_sample`.

The output is always the same bytes. `make_topics` and `make_pairs` also say which rows are planted
and why, so that the detection of duplicates and wrong labels can be checked against the truth.
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

from tools.sample_words import (
    ENGLISH,
    ENGLISH_SENTENCES,
    KOREAN,
    KOREAN_SENTENCES,
    Sentence,
    attach_particles,
)

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
    """One row of topics; `truth` is the correct label, `planted` names the trap."""

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
    """Return the text with width, case and white space folded."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def near_form(text: str) -> str:
    """Return the text folded as by `normal_form`, without punctuation and with numbers as 0."""
    return re.sub(r"\d+", "0", re.sub(r"[\W_]+", "", normal_form(text)))


def write_headline(rng: Random, topic: str, *, vague: bool) -> str:
    """Return a headline about a topic; a vague one does not reveal the topic."""
    words = KOREAN if rng.random() < KOREAN_SHARE else ENGLISH
    templates = words.mixed if rng.random() < MIXED_SHARE else words.templates
    actors = words.actors[topic] if rng.random() < OWN_ACTOR_SHARE else words.groups
    other_topic = rng.choice([name for name in TOPICS if name != topic])
    text = rng.choice(words.vague if vague else templates).format(
        place=rng.choice(words.places),
        group=rng.choice(words.groups),
        actor=rng.choice(actors),
        time=rng.choice(words.times),
        event=rng.choice(words.events),
        plan=rng.choice(words.plans),
        subject=rng.choice(words.subjects[topic]),
        other=rng.choice(words.subjects[other_topic]),
        count=rng.randint(12, 98) * 10,
        years=rng.randint(2, 30),
        share=rng.randint(11, 89),
    )
    return attach_particles(text)


def draw_headline(
    rng: Random, seen: set[str], topic: str, start: date, planted: str = ""
) -> Headline:
    """Return a headline whose near form is not among those seen."""
    text = write_headline(rng, topic, vague=planted == "vague")
    while near_form(text) in seen:
        text = write_headline(rng, topic, vague=planted == "vague")
    seen.add(near_form(text))
    written = start + timedelta(days=rng.randrange(700 if start < LATER else 60))
    return Headline(text, topic, written, topic, planted)


def restyle(rng: Random, text: str) -> str:
    """Return the text with only width, white space or case changed."""
    wide = "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in text)
    variants = (wide, text.replace(" ", "  "), text.upper(), f" {text}\u3000")
    return rng.choice([variant for variant in variants if variant != text])


def make_near_duplicate(rng: Random, text: str) -> str:
    """Return the text with other numbers, or with punctuation added if it has none."""
    if re.search(r"\d", text):
        return re.sub(r"\d+", lambda match: str(int(match[0]) + rng.randint(1, 9)), text)
    return text + rng.choice(("!", "?", "...", "."))


def plant_trap(rng: Random, trap: str, row: Headline) -> Headline:
    """Return a copy of a row, changed as the trap requires."""
    change_text = {"restyled": restyle, "near": make_near_duplicate}.get(trap)
    others = [name for name in TOPICS if name != row.label]
    label = rng.choice(others) if trap == "conflict" else row.label
    text = change_text(rng, row.text) if change_text else row.text
    return replace(row, text=text, label=label, planted=trap)


def swap_labels(rng: Random, rows: Sequence[Headline]) -> list[Headline]:
    """Return the rows, with `N_WRONG` labels swapped in pairs, which keeps the class counts."""
    relabelled, candidates = list(rows), list(range(len(rows)))
    for _ in range(N_WRONG // 2):
        first = rng.choice(candidates)
        second = rng.choice([i for i in candidates if rows[i].label != rows[first].label])
        for target, source in ((first, second), (second, first)):
            relabelled[target] = replace(
                rows[target], label=rows[source].label, planted="wrong label"
            )
            candidates.remove(target)
    return relabelled


def make_topics(rng: Random) -> tuple[list[Headline], list[Headline]]:
    """Return the labelled rows, in file order, and the unlabelled ones."""
    seen: set[str] = set()
    names, weights = list(TOPICS), list(TOPICS.values())
    traps = [trap for trap, count in TOPIC_TRAPS.items() for _ in range(count)]
    labels = rng.choices(names, weights, k=N_VAGUE)
    rows = [draw_headline(rng, seen, topic, START, "vague") for topic in labels]
    labels = rng.choices(names, weights, k=len(traps))
    sources = [draw_headline(rng, seen, topic, START) for topic in labels]
    rows += sources + [plant_trap(rng, trap, row) for trap, row in zip(traps, sources, strict=True)]
    rows += [Headline(text, label, START, label, trap) for trap, (text, label) in SPECIAL.items()]
    # The other rows fill every class; only they may get a wrong label.
    sizes = Counter(row.label for row in rows)
    missing = [topic for topic in names for _ in range(TOPICS[topic] - sizes[topic])]
    plain_rows = swap_labels(rng, [draw_headline(rng, seen, topic, START) for topic in missing])
    rows += plain_rows
    known_rows = [
        replace(row, written=LATER, planted="known") for row in plain_rows if not row.planted
    ]
    labels = rng.choices(names, weights, k=N_NEW)
    unlabelled = [draw_headline(rng, seen, topic, LATER) for topic in labels]
    unlabelled += rng.sample(known_rows, N_KNOWN)
    rng.shuffle(rows)
    rng.shuffle(unlabelled)
    return rows, unlabelled


def reword(rng: Random, base: Sentence, slots: Sequence[str]) -> Sentence:
    """Return the sentence with other concepts in the given slots, and other wordings."""
    meaning = {}
    for slot, (old_concept, wording) in base.meaning.items():
        concepts = base.words.slots[slot]
        others = [index for index in range(len(concepts)) if index != old_concept]
        concept = rng.choice(others) if slot in slots else old_concept
        redraw = slot in slots or rng.random() < REWORD_SHARE
        meaning[slot] = (concept, rng.randrange(len(concepts[concept])) if redraw else wording)
    order = rng.randrange(len(base.words.orders)) if rng.random() < REORDER_SHARE else base.order
    return Sentence(base.words, meaning, order)


def draw_sentence(rng: Random, seen: set[str]) -> Sentence:
    """Return a random sentence that is not among those seen."""
    words = KOREAN_SENTENCES if rng.random() < KOREAN_SHARE else ENGLISH_SENTENCES
    base = reword(rng, Sentence(words, dict.fromkeys(words.slots, (-1, 0)), 0), list(words.slots))
    while base.text() in seen:
        base = reword(rng, base, list(words.slots))
    seen.add(base.text())
    return base


def draw_pair(rng: Random, seen: set[str], base: Sentence, planted: str = "") -> Pair:
    """Return a pair with a changed second sentence, scored by the changes with some noise."""
    n_changes = rng.choices(list(CHANGES), list(CHANGES.values()))[0]
    if n_changes < 0 and not planted:
        return Pair(base.text(), base.text(), 5.0)
    slots = rng.sample(list(CHANGE_COSTS), max(n_changes, 0))
    other = reword(rng, base, slots)
    while other.text() in seen:
        other = reword(rng, base, slots)
    seen.add(other.text())
    score = 25 - sum(CHANGE_COSTS[slot] for slot in slots)
    n_wordings = sum(base.meaning[slot] != other.meaning[slot] for slot in base.meaning)
    score = max(2 if n_changes == 4 else 5, score) if slots else score - n_wordings
    score += rng.choice((-2, -1, 0, 0, 0, 1, 2))
    return Pair(base.text(), other.text(), min(25, max(0, score)) / 5, planted)


def plant_pair_trap(rng: Random, trap: str, row: Pair) -> Pair:
    """Return a copy of a pair as the trap requires; a changed score differs by at least a point."""
    if trap == "reversed":
        return Pair(row.sentence2, row.sentence1, row.score, trap)
    step = rng.randint(5, 9) / (5 if row.score > 2 else -5) if trap == "rescored" else 0.0
    return replace(row, score=round(abs(row.score - step), 1), planted=trap)


def make_pairs(rng: Random) -> tuple[list[Pair], list[Pair]]:
    """Return the scored pairs, in file order, and the unlabelled ones."""
    seen: set[str] = set()
    anchors = [draw_sentence(rng, seen) for _ in range(N_ANCHORS)]
    rows = [
        draw_pair(rng, seen, base, "recurring") for base in anchors for _ in range(N_PER_ANCHOR)
    ]
    traps = [trap for trap, count in PAIR_TRAPS.items() for _ in range(count)]
    n_rest = N_PAIRS - len(rows) - len(traps)
    plain = [draw_pair(rng, seen, draw_sentence(rng, seen)) for _ in range(n_rest)]
    sources = rng.sample([row for row in plain if row.sentence1 != row.sentence2], len(traps))
    rows += plain + [
        plant_pair_trap(rng, trap, row) for trap, row in zip(traps, sources, strict=True)
    ]
    rng.shuffle(rows)
    unlabelled = [draw_pair(rng, seen, draw_sentence(rng, seen), "new") for _ in range(N_NEW_PAIRS)]
    return rows, unlabelled


def write_rows(path: Path, prefix: str, columns: str, rows: Sequence[Headline | Pair]) -> None:
    """Write ids and the named columns of the rows as CSV."""
    names = columns.split(",")
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(["id", *names])
        for i, row in enumerate(rows, 1):
            writer.writerow([f"{prefix}{i:04d}", *(getattr(row, name) for name in names)])


def write_files(folder: Path) -> None:
    """Write the five files to a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    rows, unlabelled = make_topics(Random(SEED))
    scored_pairs, unscored_pairs = make_pairs(Random(SEED + 1))
    submission = [replace(row, label=next(iter(TOPICS))) for row in unlabelled]
    write_rows(folder / "topics.csv", "t", "text,label,written", rows)
    write_rows(folder / "topics_unlabelled.csv", "u", "text,written", unlabelled)
    write_rows(folder / "topics_sample_submission.csv", "u", "label", submission)
    write_rows(folder / "pairs.csv", "p", "sentence1,sentence2,score", scored_pairs)
    write_rows(folder / "pairs_unlabelled.csv", "q", "sentence1,sentence2", unscored_pairs)


if __name__ == "__main__":
    write_files(Path("data/raw"))
