"""Training rows are under-sampled, then copied with changes; each copy names its source."""

from collections import Counter
from collections.abc import Iterator

import numpy as np
import pandas as pd

from foldline.balance.augmenters import change
from foldline.frame.params import Augment
from foldline.frame.seeds import generator, rank_keys

ORIGINAL = "original"
# A change that gives back the text, or an earlier copy of it, is drawn again so many times.
TRIES = 4
Texts = tuple[str, str]


def balance(rows: pd.DataFrame, augment: Augment, seed: int) -> pd.DataFrame:
    """Give the rows to train on, with `source_id` and `method`.

    Whether a row is dropped and how it is changed depends on its id, the seed and its class
    alone: neither on the order of rows nor on how work is shared. Call it on the training part
    of a fold and nothing outside that part can have an effect.
    """
    kept = _undersampled(rows, augment, seed)
    originals = kept.assign(source_id=kept["id"], method=ORIGINAL)
    if augment.method == "none" or kept.empty:
        return originals.reset_index(drop=True)
    copies = _copies(kept, augment, seed)
    return pd.concat([originals, copies], ignore_index=True)


def _undersampled(rows: pd.DataFrame, augment: Augment, seed: int) -> pd.DataFrame:
    """Drop rows of each class above `max_ratio` times the smallest one."""
    if augment.undersample == "none" or rows.empty:
        return rows
    keys = rank_keys(seed, [f"under\x1f{name}" for name in rows["id"].tolist()])
    labels = rows["label"].reset_index(drop=True)
    drawn = labels.iloc[np.argsort(keys, kind="stable")]
    ranks = drawn.groupby(drawn).cumcount().sort_index().to_numpy()
    most = int(augment.max_ratio * labels.value_counts().min())
    return rows[ranks < most]


def _copies(rows: pd.DataFrame, augment: Augment, seed: int) -> pd.DataFrame:
    """Make changed copies, and leave out those whose text exists already."""
    ids, counts = rows["id"].tolist(), _wanted(rows, augment, seed)
    sources = list(zip(rows["text"].tolist(), rows["text_pair"].tolist(), strict=True))
    seen = set(sources)
    made: list[tuple[int, int, Texts]] = []
    # By id: which of two equal copies is left out must not depend on the order of rows.
    for place in sorted(range(len(ids)), key=ids.__getitem__):
        name = ids[place]
        for number, texts in _versions(name, sources[place], counts[name], augment, seed):
            if texts not in seen:
                seen.add(texts)
                made.append((place, number, texts))
    made.sort(key=lambda copy: copy[:2])
    copies = rows.iloc[[place for place, _, _ in made]]
    return copies.assign(
        id=[f"{ids[place]}+{augment.method}{number}" for place, number, _ in made],
        text=[texts[0] for _, _, texts in made],
        text_pair=[texts[1] for _, _, texts in made],
        source_id=[ids[place] for place, _, _ in made],
        method=augment.method,
    )


def _versions(
    name: str, source: Texts, count: int, augment: Augment, seed: int
) -> Iterator[tuple[int, Texts]]:
    """Yield up to `count` different changes of one row, numbered, none of them the row itself."""
    own = {source}
    for number in range(count):
        draw = generator(seed, "augment", name, augment.method, number)
        for _ in range(TRIES):
            texts = change(source[0], augment, draw), change(source[1], augment, draw)
            if texts not in own:
                own.add(texts)
                yield number, texts
                break


def _wanted(rows: pd.DataFrame, augment: Augment, seed: int) -> dict[str, int]:
    """Give the number of copies of each row: the same for all, or up to the largest class."""
    ids: list[str] = rows["id"].tolist()
    if augment.classes == "all":
        return dict.fromkeys(ids, augment.copies)
    labels = rows["label"].tolist()
    sizes = Counter(labels)
    largest = max(sizes.values())
    keys = rank_keys(seed, [f"over\x1f{name}" for name in ids])
    members: dict[str, list[tuple[int, str]]] = {}
    for name, label, key in zip(ids, labels, keys.tolist(), strict=True):
        members.setdefault(label, []).append((key, name))
    counts: dict[str, int] = {}
    for label, keyed in members.items():
        each, rest = divmod(largest - sizes[label], sizes[label])
        for place, (_, name) in enumerate(sorted(keyed)):
            counts[name] = min(augment.copies, each + (place < rest))
    return counts
