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
from foldline.frame.params.kinds import (
    DenseHead,
    Embed,
    External,
    Gbdt,
    Keywords,
    LinearOptions,
    Static,
    ZeroShot,
)
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
from foldline.frame.params.training import Pretrain, Train

__all__ = [
    "KINDS",
    "Annotations",
    "Augment",
    "Backtranslation",
    "Data",
    "DenseHead",
    "Duplicates",
    "Embed",
    "Ensemble",
    "Evaluate",
    "External",
    "Gates",
    "Gbdt",
    "Keywords",
    "Kfold",
    "LinearOptions",
    "Llm",
    "Nlpaug",
    "Predict",
    "Prepare",
    "Pretrain",
    "Recipe",
    "Runner",
    "Scratch",
    "Section",
    "Settings",
    "Split",
    "Static",
    "Synonym",
    "Target",
    "Task",
    "Tfidf",
    "Train",
    "Undersample",
    "WordShare",
    "ZeroShot",
]
