"""How much a word speaks for a label: synonyms must not speak for another one."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Protocol

# A synonym is refused whose log-odds differ by more than this ...
APART = 1.0
# ... or by more than this and in sign, too: near zero a sign is chance.
OPPOSED = 0.2
# Rows that each word's own are mixed with, of the classes' overall shares: few rows prove little.
PRIOR = 2.0
# Log-odds of a difference of one standard deviation (Chinn, 2000).
_LOGISTIC = math.pi / math.sqrt(3)

Documents = Sequence[Collection[str]]


class Polarity(Protocol):
    """What words say of labels."""

    def speaks(self, word: str, label: str) -> float:
        """Give how much a word speaks for (above 0) or against a label, as log-odds."""

    def seen(self, word: str) -> int:
        """Give the number of rows that hold a word."""


class OfClasses:
    """Log-odds of a class given a word over those without it, by the rows that hold the word."""

    def __init__(self, documents: Documents, labels: Sequence[str]) -> None:
        self._rows, self._sizes = len(labels), Counter(labels)
        self._all: Counter[str] = Counter()
        self._own: dict[str, Counter[str]] = {label: Counter() for label in self._sizes}
        for words, label in zip(documents, labels, strict=True):
            self._all.update(set(words))
            self._own[label].update(set(words))

    def speaks(self, word: str, label: str) -> float:
        """Give the log-odds; 0 for what was never seen."""
        share = self._sizes[label] / self._rows if self._rows else 0.0
        if not 0 < share < 1:
            return 0.0
        own = self._own[label][word] + PRIOR * share
        other = self._all[word] - self._own[label][word] + PRIOR * (1 - share)
        return math.log(own / other) - math.log(share / (1 - share))

    def seen(self, word: str) -> int:
        """Give the number of rows that hold a word."""
        return self._all[word]


class OfNumbers:
    """Mean label of the rows with a word, in standard deviations, on the scale of log-odds."""

    def __init__(self, documents: Documents, numbers: Sequence[float]) -> None:
        # Sums that are rounded once do not depend on the order of rows.
        mean = math.fsum(numbers) / max(1, len(numbers))
        spread = math.sqrt(math.fsum((n - mean) ** 2 for n in numbers) / max(1, len(numbers)))
        held: defaultdict[str, list[float]] = defaultdict(list)
        for words, number in zip(documents, numbers, strict=True):
            for word in set(words):
                held[word].append((number - mean) / (spread or 1.0))
        self._rows = Counter({word: len(found) for word, found in held.items()})
        self._odds = {
            word: _LOGISTIC * math.fsum(found) / (len(found) + PRIOR)
            for word, found in held.items()
        }

    def speaks(self, word: str, label: str) -> float:
        """Give it for higher labels, whatever the label; 0 for what was never seen."""
        return self._odds.get(word, 0.0)

    def seen(self, word: str) -> int:
        """Give the number of rows that hold a word."""
        return self._rows[word]


def fitted(documents: Documents, labels: Sequence[str], task: str) -> Polarity:
    """Learn from the words of each row and its label: a class, or a number in regression."""
    if task == "regression":
        return OfNumbers(documents, [float(label) for label in labels])
    return OfClasses(documents, labels)


def agree(polarity: Polarity, word: str, other: str, label: str) -> bool:
    """Tell whether two words speak alike for a label."""
    one, two = polarity.speaks(word, label), polarity.speaks(other, label)
    return abs(one - two) <= (OPPOSED if one * two < 0 else APART)
