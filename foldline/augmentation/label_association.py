"""The association of words with labels: a synonym must not suggest another label."""

import math
from collections import Counter, defaultdict
from collections.abc import Collection, Sequence
from typing import Protocol

# A synonym is refused if its log-odds differ by more than this ...
MAX_DIFFERENCE = 1.0
# ... or by more than this with another sign: near zero, the sign is chance.
MAX_OPPOSED_DIFFERENCE = 0.2
# Prior rows of each word, with the overall class shares: few rows prove little.
PRIOR = 2.0
# The log-odds of a difference of one standard deviation (Chinn, 2000).
_LOGISTIC = math.pi / math.sqrt(3)

Documents = Sequence[Collection[str]]


class LabelAssociation(Protocol):
    """How strongly words are associated with labels."""

    def log_odds(self, word: str, label: str) -> float:
        """Return the log-odds of a label given a word: above 0 if the word suggests it."""

    def count_rows(self, word: str) -> int:
        """Return the number of rows with a word."""


class ClassAssociation:
    """Log-odds of a class among the rows with a word, relative to all rows."""

    def __init__(self, documents: Documents, labels: Sequence[str]) -> None:
        self._rows, self._sizes = len(labels), Counter(labels)
        self._all: Counter[str] = Counter()
        self._own: dict[str, Counter[str]] = {label: Counter() for label in self._sizes}
        for words, label in zip(documents, labels, strict=True):
            self._all.update(set(words))
            self._own[label].update(set(words))

    def log_odds(self, word: str, label: str) -> float:
        """Return the log-odds; 0 for an unseen word or label."""
        share = self._sizes[label] / self._rows if self._rows else 0.0
        if not 0 < share < 1:
            return 0.0
        own = self._own[label][word] + PRIOR * share
        other = self._all[word] - self._own[label][word] + PRIOR * (1 - share)
        return math.log(own / other) - math.log(share / (1 - share))

    def count_rows(self, word: str) -> int:
        """Return the number of rows with a word."""
        return self._all[word]


class NumericAssociation:
    """Mean number of the rows with a word, in standard deviations, scaled to log-odds."""

    def __init__(self, documents: Documents, numbers: Sequence[float]) -> None:
        # fsum rounds once, so the order of rows does not matter.
        mean = math.fsum(numbers) / max(1, len(numbers))
        spread = math.sqrt(math.fsum((n - mean) ** 2 for n in numbers) / max(1, len(numbers)))
        deviations: defaultdict[str, list[float]] = defaultdict(list)
        for words, number in zip(documents, numbers, strict=True):
            for word in set(words):
                deviations[word].append((number - mean) / (spread or 1.0))
        self._rows = Counter({word: len(values) for word, values in deviations.items()})
        self._odds = {
            word: _LOGISTIC * math.fsum(values) / (len(values) + PRIOR)
            for word, values in deviations.items()
        }

    def log_odds(self, word: str, label: str) -> float:
        """Return the log-odds of higher numbers, for any label; 0 for an unseen word."""
        return self._odds.get(word, 0.0)

    def count_rows(self, word: str) -> int:
        """Return the number of rows with a word."""
        return self._rows[word]


def fit_association(documents: Documents, labels: Sequence[str], task: str) -> LabelAssociation:
    """Fit to the words of each row and its label: a class, or a number in regression."""
    if task == "regression":
        return NumericAssociation(documents, [float(label) for label in labels])
    return ClassAssociation(documents, labels)


def is_consistent(association: LabelAssociation, word: str, other: str, label: str) -> bool:
    """Return whether two words have a similar association with a label."""
    one, two = association.log_odds(word, label), association.log_odds(other, label)
    return abs(one - two) <= (MAX_OPPOSED_DIFFERENCE if one * two < 0 else MAX_DIFFERENCE)
