"""What a training leaves for its reader: history, speed, curves, samples and target plot."""

from foldline.core.stage import say
from foldline.ensembling.training import Training
from foldline.models import registry
from foldline.models.sample_predictions import write_samples
from foldline.models.target_report import write_histograms
from foldline.models.training_curves import write_curves
from foldline.models.training_history import format_summary, write_history, write_speed


def write_training_report(training: Training) -> None:
    """Write the reports of a training, and print which epoch is kept and why."""
    recipe, labels, record = training.recipe, training.labels, training.model.training
    write_history(record.history)
    write_speed(record.speed)
    write_curves(record.history, recipe.train, labels.task)
    lines = format_summary(record.history, recipe.train, labels.task, recipe.epochs)
    write_samples(training.make_samples())
    transform = registry.read_transform(training.model.model)
    lines += write_histograms(transform, training.fit.train, labels)
    if recipe.lr == "auto" and "lr" in record.summary:
        lines.append(f"lr: auto took {record.summary['lr']:g}")
    lines += [f"note: {note}" for note in record.notes]
    for line in lines:
        say(line)
