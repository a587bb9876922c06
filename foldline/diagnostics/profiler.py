"""Where the time of a training goes, and how close it comes to the machine's peak."""

import argparse
import time
from dataclasses import dataclass
from typing import Any

from transformers import TrainerCallback
from transformers.trainer_utils import SaveStrategy

from foldline.diagnostics.initial_model import build_initial_model, empty_rows, make_batch
from foldline.diagnostics.inputs import DiagnosticInputs, load_inputs, sample_rows
from foldline.diagnostics.plots import draw_bars
from foldline.diagnostics.timing import (
    WARMUP_STEPS,
    TimedTrainer,
    count_operations,
    measure_peak,
    now,
    peak_memory,
)
from foldline.diagnostics.verdicts import LOOK, OK, Finding, grade, write_report
from foldline.models import device, registry
from foldline.models.neural.long_text import make_reader
from foldline.models.neural.precision import fast_float32, resolve_precision
from foldline.models.neural.training import make_trainer
from foldline.models.neural.transformer import Transformer

TIMED_STEPS, TIME_LIMIT = (
    40,
    25.0,
)  # steps that are timed at most, within so many seconds
PREDICTED, TOKENISED = 256, 2_000  # rows
# Shares of the training time from which a part is to be looked at; none is wrong.
SHARE_LIMITS = {
    "tokenising": 0.2,
    "collating": 0.15,
    "optimiser": 0.25,
    "evaluation": 0.3,
    "other": 0.25,
}
ADVICE = {
    "tokenising": "texts are long: raise max_length only if the score improves",
    "collating": "small batches of short texts: raise batch_size",
    "optimiser": "few rows for each step: raise batch_size, or scratch.vocabulary is too large",
    "evaluation": "evaluation takes long: fewer validation rows by split.ratios",
    "other": "steps are so small that Trainer's overhead matters: raise batch_size",
}
PADDED, PEAK = 0.2, 0.1  # shares of the positions, and of the machine's peak


@dataclass(frozen=True)
class Profile:
    """Seconds of a whole training by part, and speeds of training and prediction."""

    parts: dict[str, float]
    rows_per_second: float
    tokens_per_second: float
    padding: float
    predicted_per_second: float
    flops: float
    peak_flops: float
    memory_gb: float


def run(options: argparse.Namespace) -> int:
    """Time some steps of the configured training, and prediction, and suggest changes."""
    inputs = load_inputs()
    if not inputs.is_transformer:
        return _profile_without_steps(inputs)
    profile = profile_training(inputs)
    total = sum(profile.parts.values())
    title = f"{inputs.recipe.model}: {_format_duration(total)} for {inputs.recipe.epochs} epochs"
    lines = [(n, s, f"{s / total:.0%}, {_format_duration(s)}") for n, s in profile.parts.items()]
    for name, _, label in lines:
        print(f"{name:<12} {label}")
    print(title)
    return write_report(
        "profile", assess_profile(profile, inputs), _to_report(profile), draw_bars(title, lines)
    )


def profile_training(inputs: DiagnosticInputs) -> Profile:
    """Time the parts of a training, scaled to all rows and epochs."""
    recipe = inputs.recipe
    short = inputs.with_options(epochs=TIMED_STEPS + WARMUP_STEPS)
    with short.temporary_job() as job, device.deterministic(recipe.train), fast_float32():
        initial = build_initial_model(job)
        parts = {"tokenising": _tokenising_seconds(inputs, initial.tokenizer)}
        no_validation = empty_rows(initial.rows)
        trainer = make_trainer(
            job, initial.tokenizer, initial.model, initial.rows, no_validation, kind=TimedTrainer
        )
        assert isinstance(trainer, TimedTrainer)
        trainer.args.max_steps = TIMED_STEPS + WARMUP_STEPS
        trainer.args.save_strategy = SaveStrategy.NO
        trainer.add_callback(_TimeLimit())
        trainer.train()
        trainer.release()
        scale = recipe.epochs * len(initial.rows.target) / max(1, trainer.rows)
        parts |= {name: scale * seconds for name, seconds in _step_seconds(trainer).items()}
        seconds_total = trainer.clock.seconds["whole"]
        speed = _prediction_speed(inputs, initial.tokenizer, initial.model)
        parts["evaluation"] = recipe.epochs * len(inputs.valid) / speed
        batch, labels = make_batch(
            initial, list(range(min(recipe.batch_size, len(initial.rows.target))))
        )
        loss: Any = trainer.compute_loss_func
        flops = count_operations(initial.model, batch, lambda outputs: loss(outputs, labels))
        flops_per_position = flops / batch["attention_mask"].numel()
        return Profile(
            parts,
            trainer.rows / seconds_total,
            trainer.tokens / seconds_total,
            1 - trainer.tokens / max(1, trainer.positions),
            speed,
            flops_per_position * trainer.positions / seconds_total,
            measure_peak(resolve_precision(recipe.train.precision)),
            peak_memory(),
        )


def assess_profile(profile: Profile, inputs: DiagnosticInputs) -> list[Finding]:
    """Assess the parts' shares, the padding, and the share of the machine's peak."""
    total = sum(profile.parts.values())
    shares = {name: seconds / total for name, seconds in profile.parts.items()}
    findings = [
        Finding(name, grade(shares[name], limit, 9.9), f"{shares[name]:.0%} of the time",
                ADVICE[name], {"share": shares[name]})
        for name, limit in SHARE_LIMITS.items()
    ]  # fmt: skip
    padded = f"{profile.padding:.0%} of the positions"
    hint = "texts of very different lengths: lower max_length, or raise batch_size"
    findings.append(Finding("padding", grade(profile.padding, PADDED, 9.9), padded, hint))
    share, precision = profile.flops / profile.peak_flops, inputs.recipe.train.precision
    summary = (
        f"{share:.0%} of {profile.peak_flops / 1e9:.0f} GFLOP/s, the machine's peak for "
        f"{resolve_precision(precision)} products with {inputs.recipe.train.cpu_threads} threads"
    )
    hint = "a small model is mostly overhead: raise batch_size while memory allows"
    if resolve_precision("auto") != resolve_precision(precision):
        summary += f"; train.precision=auto would use {resolve_precision('auto')}"
    findings.append(Finding("machine used", OK if share >= PEAK else LOOK, summary, hint))
    speed = (
        f"{profile.rows_per_second:.0f} rows/s, {profile.tokens_per_second:.0f} tokens/s; "
        f"prediction {profile.predicted_per_second:.0f} rows/s; peak memory "
        f"{profile.memory_gb:.2f} GB"
    )
    return [Finding("speed", OK, speed), *findings]


class _TimeLimit(TrainerCallback):
    """Stops a slow training once enough steps were timed."""

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.started = time.perf_counter()

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        late = time.perf_counter() - self.started > TIME_LIMIT
        control.should_training_stop |= late and state.global_step > WARMUP_STEPS


def _step_seconds(trainer: TimedTrainer) -> dict[str, float]:
    """Return the seconds of each part of all timed steps; the rest is Trainer's own."""
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


def _tokenising_seconds(inputs: DiagnosticInputs, tokenizer: Any) -> float:
    """Return the seconds for tokenising all training and validation rows once."""
    rows = sample_rows(inputs.train, TOKENISED, inputs.recipe)
    start = now()
    make_reader(inputs.recipe).read(tokenizer, rows)
    return (now() - start) * (len(inputs.train) + len(inputs.valid)) / len(rows)


def _prediction_speed(inputs: DiagnosticInputs, tokenizer: Any, model: Any) -> float:
    """Return the rows per second of prediction, including tokenisation."""
    rows = sample_rows(inputs.valid, PREDICTED, inputs.recipe)
    options, reader = inputs.recipe.train, make_reader(inputs.recipe)
    precision = resolve_precision(options.predict_precision)
    transformer = Transformer(
        inputs.labels, tokenizer, model, reader, options.cpu_threads, precision
    )
    transformer.predict(rows)
    start = now()
    transformer.predict(rows)
    return len(rows) / (now() - start)


def _profile_without_steps(inputs: DiagnosticInputs) -> int:
    """Time fit and prediction of a model that is not trained in steps."""
    with inputs.temporary_job() as job:
        start = now()
        model = registry.fit(job).model
        fitted = now()
        model.predict(inputs.valid)
        end = now()
    seconds = {"fit": fitted - start, "prediction": end - fitted}
    summary = (
        f"fit {len(inputs.train) / seconds['fit']:.0f} rows/s, prediction "
        f"{len(inputs.valid) / seconds['prediction']:.0f} rows/s; peak memory "
        f"{peak_memory():.2f} GB"
    )
    lines = [(name, value, _format_duration(value)) for name, value in seconds.items()]
    title = (
        f"{inputs.recipe.model}: {len(inputs.train)} rows to fit, {len(inputs.valid)} to predict"
    )
    return write_report(
        "profile", [Finding("speed", OK, summary)], {"seconds": seconds}, draw_bars(title, lines)
    )


def _format_duration(seconds: float) -> str:
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    return f"{seconds:.1f} s" if seconds < 120 else f"{seconds / 60:.1f} min"


def _to_report(profile: Profile) -> dict[str, Any]:
    return {
        "seconds": profile.parts,
        "rows_per_second": profile.rows_per_second,
        "tokens_per_second": profile.tokens_per_second,
        "predicted_rows_per_second": profile.predicted_per_second,
        "operations_per_second": profile.flops,
        "peak_operations_per_second": profile.peak_flops,
        "memory_gb": profile.memory_gb,
    }
