"""What a training leaves for its reader: history, speed, curves, samples and target plot."""

from foldline.core.stage import say
from foldline.models import sample_predictions
from foldline.models.interface import FitResult, Job
from foldline.models.target_report import write_histograms
from foldline.models.training_curves import write_curves
from foldline.models.training_history import format_summary, write_history, write_speed


def write_training_report(fitted: FitResult, job: Job) -> None:
    """Write the reports of a training, and print which epoch is kept and why."""
    recipe, labels = job.recipe, job.labels
    write_history(fitted.history)
    write_speed(fitted.speed)
    write_curves(fitted.history, recipe.train, labels.task)
    lines = format_summary(fitted.history, recipe.train, labels.task, recipe.epochs)
    sample_predictions.write_samples(fitted, job.valid, job.sample_ids, labels)
    lines += write_histograms(fitted.model, job.train, labels)
    if recipe.lr == "auto" and "lr" in fitted.summary:
        lines.append(f"lr: auto took {fitted.summary['lr']:g}")
    lines += [f"note: {note}" for note in fitted.notes]
    for line in lines:
        say(line)
