"""The types of params.yaml, without defaults: the file holds every value of a run."""

from foldline.core.params.augmentation import (
    Augment,
    Backtranslation,
    Gates,
    Llm,
    Nlpaug,
    Synonym,
    Undersample,
    WordShare,
)
from foldline.core.params.base import KINDS, Components, Section, Task
from foldline.core.params.data import Annotations, Data, Duplicates, Prepare, Split
from foldline.core.params.members import Members
from foldline.core.params.model_kinds import (
    DenseHead,
    Embed,
    External,
    Gbdt,
    Keywords,
    LinearOptions,
    Static,
    ZeroShot,
)
from foldline.core.params.models import (
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
from foldline.core.params.settings import Settings
from foldline.core.params.training import Pretrain, Train

__all__ = [
    "KINDS",
    "Annotations",
    "Augment",
    "Backtranslation",
    "Components",
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
    "Members",
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
