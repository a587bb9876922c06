"""The types of params.yaml. There are no defaults here: the file holds every value of a run."""

from foldline.frame.params.balance import (
    Augment,
    Backtranslation,
    Gates,
    Llm,
    Nlpaug,
    Synonym,
    Undersample,
    WordShare,
)
from foldline.frame.params.base import KINDS, Section, Task
from foldline.frame.params.data import Annotations, Data, Duplicates, Prepare, Split
from foldline.frame.params.models import (
    Ensemble,
    Evaluate,
    Kfold,
    Predict,
    Recipe,
    Runner,
    Scratch,
    Target,
    Tfidf,
)
from foldline.frame.params.settings import Settings
from foldline.frame.params.training import Train

__all__ = [
    "KINDS",
    "Annotations",
    "Augment",
    "Backtranslation",
    "Data",
    "Duplicates",
    "Ensemble",
    "Evaluate",
    "Gates",
    "Kfold",
    "Llm",
    "Nlpaug",
    "Predict",
    "Prepare",
    "Recipe",
    "Runner",
    "Scratch",
    "Section",
    "Settings",
    "Split",
    "Synonym",
    "Target",
    "Task",
    "Tfidf",
    "Train",
    "Undersample",
    "WordShare",
]
