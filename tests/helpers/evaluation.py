"""Options and labels of evaluations by hand."""

from foldline.core.io.labels import Labels
from foldline.core.params import Behaviour, Evaluate, Slices

TOPICS = Labels("classification", ("food", "sport"))
SEVERAL = Labels("multilabel", ("food", "sport"))
NUMBERS = Labels("regression")
OPTIONS = Evaluate(
    test="always",
    resamples=100,
    level=0.95,
    metric=None,
    external={},
    slices=Slices(columns=[], expressions={}, min_rows=50),
    behaviour=Behaviour(packs="none", sample=10, min_pass_rate=None, labels={}),
)
