"""See where the time of a training goes, and how near it comes to what the machine can do."""

import argparse
import time
from dataclasses import dataclass
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_utils import SaveStrategy

from foldline.diagnostics.initial_model import batch_of, begin, no_rows
from foldline.diagnostics.inputs import Given, drawn, given
from foldline.diagnostics.plots import bars
from foldline.diagnostics.timing import WARM, TimedTrainer, most_memory, now, operations, peak
from foldline.diagnostics.verdicts import LOOK, OK, Finding, graded, report
from foldline.models import device, registry
from foldline.models.neural.long_text import long_text
from foldline.models.neural.precision import float32_by_avx512, resolved
from foldline.models.neural.training import trainer_for
from foldline.models.neural.transformer import Transformer

STEPS, LIMIT = 40, 25.0  # steps that are timed, seconds after which no further one is begun
PREDICTED, TOKENISED = 256, 2_000  # rows
# Shares of the time of a training from which on a part is to be looked at; nothing is wrong.
MUCH = {"tokenising": 0.2, "collating": 0.15, "optimiser": 0.25, "evaluation": 0.3, "other": 0.25}
ADVICE = {
    "tokenising": "texts are long for the model: raise max_length only where it pays",
    "collating": "small batches of short texts: raise batch_size",
    "optimiser": "few rows for each step: raise batch_size, or scratch.vocabulary is too large",
    "evaluation": "valid rows cost as much as training: fewer of them by split.ratios",
    "other": "the steps are so small that Trainer itself counts: raise batch_size",
}
PADDED, PEAK = 0.2, 0.1  # share of places; share of the machine's products


@dataclass(frozen=True)
class Measured:
    """Seconds of a whole training by part, and speeds of it and of prediction, a second."""

    parts: dict[str, float]
    rows: float
    tokens: float
    padding: float
    predicted: float
    operations: float
    peak: float
    memory: float


def run(options: argparse.Namespace) -> int:
    """Time some steps of the configured training, and prediction, and say what to change."""
    found = given()
    if not found.transformer:
        return _plain(found)
    measured = timed(found)
    total = sum(measured.parts.values())
    title = f"{found.recipe.model}: {_duration(total)} for {found.recipe.epochs} epochs"
    lines = [(n, s, f"{s / total:.0%}, {_duration(s)}") for n, s in measured.parts.items()]
    for name, _, said in lines:
        print(f"{name:<12} {said}")
    print(title)
    return report("profile", judged(measured, found), _numbers(measured), bars(title, lines))


def timed(found: Given) -> Measured:
    """Time the parts of a training, scaled to all rows and epochs of params."""
    recipe = found.recipe
    short = found.changed(epochs=STEPS + WARM)
    with short.job() as job, device.sums(recipe.train), float32_by_avx512():
        start = begin(job)
        parts = {"tokenising": _tokenising(found, start.tokenizer)}
        none = no_rows(start.rows)
        trainer = trainer_for(
            job, start.tokenizer, start.model, start.rows, none, kind=TimedTrainer
        )
        assert isinstance(trainer, TimedTrainer)
        trainer.args.max_steps = STEPS + WARM
        trainer.args.save_strategy = SaveStrategy.NO
        trainer.add_callback(_Limit())
        trainer.train()
        trainer.release()
        each = recipe.epochs * len(start.rows.target) / max(1, trainer.rows)
        parts |= {name: each * seconds for name, seconds in _steps(trainer).items()}
        whole = trainer.clock.seconds["whole"]
        speed = _predicting(found, start.tokenizer, start.model)
        parts["evaluation"] = recipe.epochs * len(found.valid) / speed
        batch, labels = batch_of(start, list(range(min(recipe.batch_size, len(start.rows.target)))))
        loss: Any = trainer.compute_loss_func
        counted = operations(start.model, batch, lambda outputs: loss(outputs, labels))
        a_place = counted / batch["attention_mask"].numel()
        return Measured(
            parts,
            trainer.rows / whole,
            trainer.tokens / whole,
            1 - trainer.tokens / max(1, trainer.places),
            speed,
            a_place * trainer.places / whole,
            peak(resolved(recipe.train.precision)),
            most_memory(),
        )


def judged(measured: Measured, found: Given) -> list[Finding]:
    """Judge the parts' shares, the padding, and the share of the machine that is used."""
    total = sum(measured.parts.values())
    shares = {name: seconds / total for name, seconds in measured.parts.items()}
    findings = [
        Finding(name, graded(shares[name], most, 9.9), f"{shares[name]:.0%} of the time",
                ADVICE[name], {"share": shares[name]})
        for name, most in MUCH.items()
    ]  # fmt: skip
    padded = f"{measured.padding:.0%} of the places"
    hint = "texts of very different lengths: lower max_length, or raise batch_size"
    findings.append(Finding("padding", graded(measured.padding, PADDED, 9.9), padded, hint))
    share, precision = measured.operations / measured.peak, found.recipe.train.precision
    shown = (
        f"{share:.0%} of {measured.peak / 1e9:.0f} GFLOP/s, the machine's {resolved(precision)} "
        f"products with {found.recipe.train.threads} threads"
    )
    hint = "a small model leaves much to overhead: raise batch_size while memory allows"
    if resolved("auto") != resolved(precision):
        shown += f"; train.precision=auto would calculate in {resolved('auto')}"
    findings.append(Finding("machine used", OK if share >= PEAK else LOOK, shown, hint))
    speed = (
        f"{measured.rows:.0f} rows/s, {measured.tokens:.0f} tokens/s; prediction "
        f"{measured.predicted:.0f} rows/s; at most {measured.memory:.2f} GB"
    )
    return [Finding("speed", OK, speed), *findings]


class _Limit(TrainerCallback):
    """Stops a slow training once enough of it was seen."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.begun = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        late = time.perf_counter() - self.begun > LIMIT
        control.should_training_stop |= late and state.global_step > WARM


def _steps(trainer: TimedTrainer) -> dict[str, float]:
    """Give the seconds of the parts of all timed steps; what nobody claims is Trainer's own."""
    seconds = trainer.clock.seconds
    forward, optimiser, collating = (
        seconds[name] for name in ("forward", "optimiser", "collating")
    )
    other = seconds["whole"] - seconds["step"] - optimiser - collating
    return {
        "collating": collating,
        "forward": forward,
        "backward": seconds["step"] - forward,
        "optimiser": optimiser,
        "other": max(0.0, other),
    }


def _tokenising(found: Given, tokenizer: Any) -> float:
    """Give the seconds that all rows, train and valid, need once."""
    rows = drawn(found.train, TOKENISED, found.recipe)
    begun = now()
    long_text(found.recipe).read(tokenizer, rows)
    return (now() - begun) * (len(found.train) + len(found.valid)) / len(rows)


def _predicting(found: Given, tokenizer: Any, model: Any) -> float:
    """Give the rows a second of prediction, tokenising and all."""
    rows = drawn(found.valid, PREDICTED, found.recipe)
    options, reading = found.recipe.train, long_text(found.recipe)
    precision = resolved(options.predict_precision)
    whole = Transformer(found.labels, tokenizer, model, reading, options.threads, precision)
    whole.predict(rows)
    begun = now()
    whole.predict(rows)
    return len(rows) / (now() - begun)


def _plain(found: Given) -> int:
    """Time a fit and a prediction of a kind that is not trained in steps."""
    with found.job() as job:
        begun = now()
        model = registry.fit(job).model
        fitted = now()
        model.predict(found.valid)
        done = now()
    seconds = {"fit": fitted - begun, "prediction": done - fitted}
    shown = (
        f"fit {len(found.train) / seconds['fit']:.0f} rows/s, prediction "
        f"{len(found.valid) / seconds['prediction']:.0f} rows/s; at most {most_memory():.2f} GB"
    )
    lines = [(name, value, _duration(value)) for name, value in seconds.items()]
    title = f"{found.recipe.model}: {len(found.train)} rows to fit, {len(found.valid)} to predict"
    return report(
        "profile", [Finding("speed", OK, shown)], {"seconds": seconds}, bars(title, lines)
    )


def _duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _numbers(measured: Measured) -> dict[str, Any]:
    return {
        "seconds": measured.parts,
        "rows_per_second": measured.rows,
        "tokens_per_second": measured.tokens,
        "predicted_rows_per_second": measured.predicted,
        "operations_per_second": measured.operations,
        "peak_operations_per_second": measured.peak,
        "memory_gb": measured.memory,
    }
