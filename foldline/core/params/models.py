"""Models, and how they are trained, combined and evaluated."""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from foldline.core.io.components import is_component
from foldline.core.io.threads import count_cores
from foldline.core.params import value_types
from foldline.core.params.base import KINDS, Components, Section, Task
from foldline.core.params.model_kinds import Embed, External, Gbdt, Keywords, Static, ZeroShot
from foldline.core.params.training import Pretrain, Train
from foldline.core.params.value_types import (
    ClassName,
    Condition,
    Count,
    MemberName,
    MetricComponent,
    OpenShare,
    Positive,
    Range,
    RawFile,
    Share,
    SystemName,
)

# Kinds that run no torch, or hardly; folds of these are trained side by side.
SINGLE_THREADED = (
    "majority", "random", "uniform", "length", "decision-list", "keywords", "tfidf", "gbdt",
    "static", "external",
)  # fmt: skip


def is_transformer(model: Any) -> bool:
    """Return whether `model` names a transformer: scratch, a folder or a hub id."""
    return model == "scratch" or not (model in KINDS or is_component(str(model)))


def _count_processes(train: dict[str, Any]) -> int:
    """Return the processes of a section `train` that is not checked yet, at least 1."""
    section = train.get("distributed")
    processes = section.get("processes") if isinstance(section, dict) else 1
    return max(1, processes) if isinstance(processes, int) else 1


class Target(Section):
    """Transform of regression targets for training, inverted for every prediction."""

    transform: Literal["none", "log", "box-cox", "yeo-johnson", "quantile"]


class Tfidf(Section):
    """The TF-IDF model."""

    words: Range
    chars: Range
    min_df: Count
    head: Literal["logistic", "svm", "nbsvm", "complement_nb", "ridge"]
    c: Positive
    svm_c: Positive
    alpha: Positive
    class_weights: Literal["none", "balanced"]


class Scratch(Section):
    """A transformer that is trained from random weights."""

    tokenizer: Literal["wordpiece", "bpe", "unigram", "character", "jamo"]
    """`jamo` reads Hangul by its letters and wants some 3 times the max_length."""
    vocabulary: Annotated[int, Field(ge=50)]
    layers: Count
    width: Count
    heads: Count
    dropout: Annotated[float, Field(ge=0, lt=1)]
    pooling: Literal["cls", "mean"]
    experts: Count
    """Networks between pooling and classifier; a router picks `active_experts` for each row
    (Shazeer et al., 2017). Plain transformers cannot open such a model."""
    active_experts: Annotated[int, Field(ge=2)]
    """With one alone the router would learn nothing: the softmax over one is 1."""

    @model_validator(mode="after")
    def _check_width(self) -> Self:
        if self.width % self.heads:
            raise ValueError(
                f"width: must be a multiple of heads, {self.heads} (found {self.width})"
            )
        if self.pooling == "mean" and self.width // self.heads % 2:
            raise ValueError(
                f"width: must be an even multiple of heads, {self.heads}, with pooling=mean, which "
                f"turns pairs of numbers by their place (found {self.width})"
            )
        return self

    @model_validator(mode="after")
    def _check_experts(self) -> Self:
        if 1 < self.experts < self.active_experts:
            raise ValueError(
                f"active_experts: must be at most experts, {self.experts} (found "
                f"{self.active_experts})"
            )
        return self


class Bagging(Section):
    """Bootstrap aggregation (Breiman, 1996)."""

    n_estimators: Annotated[int, Field(ge=1, le=1000)]
    """Whole groups of duplicates are drawn with replacement; a member predicts the mean of its
    models. For members: `ensemble.members: {bag: {bagging.n_estimators: 10}}`."""

    @property
    def is_on(self) -> bool:
        """Return whether the section changes a model."""
        return self.n_estimators > 1


class Boosting(Section):
    """SAMME for classification (Zhu et al., 2009), residuals for regression (Friedman, 2001)."""

    n_estimators: Annotated[int, Field(ge=1, le=1000)]
    """It ends earlier where a model makes no error in the training rows, or is no better than
    chance. Not for multilabel."""
    learning_rate: Positive

    @property
    def is_on(self) -> bool:
        """Return whether the section changes a model."""
        return self.n_estimators > 1


class Chain(Section):
    """A first model whose predictions are input of `model`, learnt on out-of-fold predictions."""

    first: Annotated[str, Field(min_length=1)] | None
    """As model, with the options of this file. `model` learns from its predictions of rows that it
    has not seen: n_splits fits inside the training rows, and one to all of them, which predicts
    new rows."""
    predicts: Literal["label", "auxiliary"]
    input: Literal["prefix", "features"]
    """`features` for tfidf, gbdt and embed; `prefix` for any kind that reads texts."""
    n_splits: Annotated[int, Field(ge=2)]

    @property
    def is_on(self) -> bool:
        """Return whether the section changes a model."""
        return self.first is not None


class Tta(Section):
    """Test-time augmentation: the mean prediction of a row and of changed copies of it."""

    method: Literal["none", "aeda", "swap", "delete", "noise", "pairswap"]
    """Augmenters that read neither labels nor training rows. Wherever the model predicts: held-out
    rows of its folds, validation and test rows, `foldline predict`."""
    copies: Annotated[int, Field(ge=1, le=100)]
    share: OpenShare

    @property
    def is_on(self) -> bool:
        """Return whether the section changes a prediction."""
        return self.method != "none"

    @model_validator(mode="after")
    def _check_copies(self) -> Self:
        if self.method == "pairswap" and self.copies > 1:
            raise ValueError(
                f"copies: must be 1 with method=pairswap: two texts have one other order (found "
                f"{self.copies})"
            )
        return self


class Kfold(Section):
    """Cross-validation."""

    n_splits: Annotated[int, Field(ge=2)]
    repeats: Count
    """Divisions into folds, each with another seed; predictions of a row are averaged."""
    seeds: Count
    """Trainings of each fold, each with another seed; predictions of a row are averaged."""
    inner_valid: OpenShare


class Ensemble(Section):
    """Which members vote, and how."""

    members: Annotated[dict[MemberName, dict[str, Any]], Field(min_length=1)]
    """Recipes by name: changes to this file's values, as `{max_length: 128, train.loss: focal}`.
    `model: {}` is this file's own recipe. A name that is a kind changes `model` to it."""
    models: Literal["both", "folds", "full"]
    """`folds`: the fold models; `full`: the model that learnt from all training rows; `both`."""
    method: Literal["soft", "hard", "rank", "weighted", "simplex", "greedy", "stacking", "gate"]
    calibration: Literal["none", "temperature", "platt", "isotonic"]
    """Of the final probabilities, fitted to out-of-fold predictions; not for regression."""
    threshold: Literal["none", "f1", "cost"]
    """`f1`: classes are predicted by thresholds that raise macro-F1 out of fold; `cost`: by the
    least expected cost. Not for regression."""
    costs: dict[ClassName, dict[ClassName, Annotated[float, Field(ge=0)]]] | None
    """Costs not given are 1, of right predictions 0; rows of the true class. Multilabel: {label:
    {false_positive: 1, false_negative: 5}}."""
    prior: Literal["none", "train", "predict"]
    """`train`: probabilities whose mean is the share of each class in the training rows, after
    resampling or class weights; `predict`: then those estimated for the rows of data.predict."""


class Slices(Section):
    """Rows that are evaluated apart, besides the automatic slices."""

    columns: Annotated[list[str], AfterValidator(value_types.check_unique)]
    """Of the raw files; each value is a slice, numbers and dates are divided into ranges."""
    expressions: dict[SystemName, Condition]
    """Conditions on columns of the raw files and automatic features, as in `DataFrame.query`."""
    min_rows: Annotated[int, Field(ge=10)]


class Behaviour(Section):
    """Behavioural tests of the final model, in packs: YAML files."""

    packs: (
        Literal["auto", "none"]
        | Annotated[
            list[Literal["general", "en", "ko"] | RawFile],
            Field(min_length=1),
            AfterValidator(value_types.check_unique),
        ]
    )
    sample: Annotated[int, Field(ge=10)]
    min_pass_rate: Share | None
    labels: dict[str, str]
    """The class of this project that a label of the packs stands for."""


class Evaluate(Section):
    """Intervals of scores, and who else is compared with the final predictions."""

    test: Literal["always", "on_request"]
    """`on_request`: the test set stays closed, and scores are of out-of-fold rows."""
    resamples: Annotated[int, Field(ge=100)]
    level: OpenShare
    external: dict[SystemName, RawFile]
    """Answers of other systems or of people by name: csv with id, and p_<class> or predicted."""
    slices: Slices
    metric: (
        MetricComponent
        | Annotated[
            list[MetricComponent], Field(min_length=1), AfterValidator(value_types.check_unique)
        ]
        | None
    )
    behaviour: Behaviour

    @property
    def own_metrics(self) -> list[str]:
        """Return the names of the metrics from components/."""
        return [self.metric] if isinstance(self.metric, str) else self.metric or []


class Predict(Section):
    """Format of the submission."""

    sample_submission: RawFile | None
    escape_formulas: bool
    """For ids or labels that begin with `=`, `+`, `-` or `@`; a competition wants them as they
    are."""


class Runner(Section):
    """How work is executed; no value here can change a result."""

    kind: Literal["local", "inline", "ray"]
    """`local`: a process for each task, so that a crash ends that task alone. `inline`: one after
    another in the stage's own process, to debug. `ray`: on a cluster (the extra `ray`)."""
    jobs: Literal["auto"] | Count
    """`auto`: as many as the cores hold, each with the threads of train.threads; transformers with
    all cores so one after another, TF-IDF on each core; with GPUs one on each."""
    retries: Annotated[int, Field(ge=0)]
    """A Python error is not retried: it would come again."""
    address: str
    """`auto` is the cluster of this machine or of RAY_ADDRESS; `local` starts one; also HOST:PORT
    of a head, and `ray://HOST:PORT` from outside."""
    store_gb: Positive
    """Of results that later runs find again (.foldline/); what was used longest ago goes first."""
    tracker: Literal["none", "jsonl"]
    """Who hears of each step of train: `jsonl` writes a file under .foldline/runs/, to follow
    with `tail -f`."""


class Recipe(Section):
    """Every key that determines a model, whatever its kind."""

    seed: Annotated[int, Field(ge=0, lt=2**32)]
    task: Task
    model: Annotated[str, Field(min_length=1)]
    """A kind (`majority`, `random`, `uniform`, `length`, `decision-list`, `keywords`, `tfidf`,
    `gbdt`, `static`, `embed`, `scratch`, `zero-shot`, `external`), `components.<name>`
    (components/<name>.py), a folder under models/pretrained/, or a Hugging Face id."""
    lr: Literal["auto"] | Positive
    """Of transformers. `auto`: 1e-3 for scratch; fine-tuning 1e-4 (as MiniLM, 22M) to 5e-5 (base,
    110M) to 2e-5 (large, from 330M) by the weights besides the embeddings, with LoRA ten times
    that; 1e-3 for the head alone; lion a fifth, sgd a hundred times. reports/train.json has it."""
    epochs: Count
    batch_size: Count
    max_length: Annotated[int, Field(ge=4)]
    train: Train
    pretrain: Pretrain
    tfidf: Tfidf
    scratch: Scratch
    keywords: Keywords
    gbdt: Gbdt
    static: Static
    embed: Embed
    external: External
    zero_shot: ZeroShot
    target: Target
    bagging: Bagging
    boosting: Boosting
    chain: Chain
    tta: Tta
    components: Components
    """Each component's options by its name; from the command line: `-S
    +components.slang.share=0.2`."""

    @model_validator(mode="before")
    @classmethod
    def _resolve_threads(cls, content: Any) -> Any:
        """Put the number of threads in the place of `auto`, so that it is part of every key."""
        train = content.get("train") if isinstance(content, dict) else None
        if not isinstance(train, dict) or train.get("threads") != "auto":
            return content
        chain = content.get("chain")
        first = chain.get("first") if isinstance(chain, dict) else None
        models = [content.get("model")] + ([first] if first else [])
        threads = 1 if all(model in SINGLE_THREADED for model in models) else count_cores()
        if any(map(is_transformer, models)):
            threads = max(1, threads // _count_processes(train))
        return content | {"train": train | {"threads": threads}}

    @property
    def models(self) -> list[str]:
        """Return `model`, after the first model of a chain if there is one."""
        chain = vars(self).get("chain")
        return ([chain.first] if chain and chain.first else []) + [self.model]

    @property
    def processes(self) -> int:
        """Return how many processes train the model: only transformers take several."""
        is_shared = any(map(is_transformer, self.models))
        return self.train.distributed.processes if is_shared else 1

    @property
    def peak_lr(self) -> float:
        """Return the learning rate; training has resolved `auto` by the model."""
        if self.lr == "auto":
            raise ValueError("lr: auto is resolved when the model is known")
        return self.lr
