"""N-gram vectors trained together with a linear head over their mean."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from foldline.core.errors import FoldlineError
from foldline.core.io.seeds import generator
from foldline.core.io.threads import limit_threads
from foldline.models import dense_heads
from foldline.models.interface import Job
from foldline.models.ngram_index import HashedNgrams
from foldline.models.one_vs_rest import one_vs_rest_targets
from foldline.models.soft_labels import expand_soft_targets, sample_weights, training_targets

BATCH = 32  # rows a step; the learning rate is that of one row, as in fastText
REGRESSION_DAMPING = 8  # the regression loss is unbounded, so its steps are smaller
ROWS_SEEN, MIN_EPOCHS, MAX_EPOCHS = (
    500_000,
    10,
    50,
)  # rows seen in total, and epochs, with epochs: auto
Bags = list[np.ndarray]


def train_vectors(
    job: Job, index: HashedNgrams, pairs: bool
) -> tuple[np.ndarray, dense_heads.Head, list[dict[str, Any]]]:
    """Return vectors (m, d) float32, the head over their mean, and the history by step.

    Bag of tricks (Joulin et al., 2017): stochastic gradient descent with a falling learning rate,
    in small batches. Regression targets are standardised and use a loss that is robust to outliers.

    Raises:
        FoldlineError: if training diverges.
    """
    import torch

    target, labels = training_targets(job.train, job.labels), job.labels
    if (
        labels.task == "classification"
        and len(classes := np.unique(expand_soft_targets(target)[1])) == 1
    ):
        return (
            np.zeros((max(1, len(index.buckets_kept)), 1), np.float32),
            dense_heads.ConstantHead(classes),
            [],
        )
    options, seed = job.recipe.static, job.recipe.seed
    columns = ["text", "text_pair"] if pairs else ["text"]
    bags = [[index.indices(text) for text in job.train[name]] for name in columns]
    targets, weights, codes = _training_targets(job, target)
    shape = max(1, len(index.buckets_kept)), options.dimensions
    bound = 1.0 if pairs else 1 / shape[1]  # even untrained vectors show the overlap of a pair
    start = generator(seed, "static", "start").uniform(-bound, bound, shape)
    vectors = torch.tensor(start, dtype=torch.float32, requires_grad=True)
    head = torch.nn.Linear(shape[1] * (4 if pairs else 1), targets.shape[1])
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    optimiser = torch.optim.SGD([vectors, *head.parameters()], lr=options.lr * BATCH)
    history = []
    with limit_threads(job.recipe.train.cpu_threads):
        steps = list(_batches(seed, len(targets), _resolve_epochs(options.epochs, len(targets))))
        for step, batch in enumerate(steps):
            rate = options.lr * (1 - step / len(steps))
            optimiser.param_groups[0]["lr"] = rate * len(batch)
            loss = _batch_loss(
                job, head(_batch_features(vectors, bags, batch)), targets[batch], weights[batch]
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            history.append({"step": step + 1, "loss": float(loss.detach()), "lr": rate})
    trained = vectors.detach().numpy()
    if not np.isfinite(trained).all() or not all(np.isfinite(row["loss"]) for row in history):
        raise FoldlineError(
            f"training diverged with static.lr={options.lr:g}: the vectors or the loss are not "
            "finite. Set static.lr lower"
        )
    return trained, _export_head(job, head, target, codes, pairs), history


def _resolve_epochs(epochs: int | str, rows: int) -> int:
    """Return the number of epochs; few rows need more of them."""
    return (
        min(MAX_EPOCHS, max(MIN_EPOCHS, round(ROWS_SEEN / rows)))
        if isinstance(epochs, str)
        else epochs
    )


def _batches(seed: int, rows: int, epochs: int) -> Iterator[np.ndarray]:
    for epoch in range(epochs):
        order = generator(seed, "static", "epoch", epoch).permutation(rows)
        yield from (order[start : start + BATCH] for start in range(0, rows, BATCH))


def _batch_features(vectors: Any, bags: list[Bags], batch: np.ndarray) -> Any:
    """Return the features of a batch: (n, d), or of pairs as `combine_pairs` without cosine."""
    import torch

    features = []
    for side in bags:
        rows = [side[row] for row in batch]
        starts = np.cumsum([0, *map(len, rows[:-1])])
        indices = torch.from_numpy(np.concatenate(rows))
        embedding_bag = torch.nn.functional.embedding_bag
        features.append(
            embedding_bag(indices, vectors, torch.from_numpy(starts), mode="mean", sparse=True)
        )
    if len(features) == 1:
        return features[0]
    first, second = features
    return torch.cat([first, second, (first - second).abs(), first * second], dim=1)


def _training_targets(job: Job, target: np.ndarray) -> tuple[Any, Any, np.ndarray]:
    """Return the targets (n, k), the row weights (n,), and the classes that occur."""
    import torch

    labels, weights, codes = job.labels, sample_weights(job.train), np.zeros(0, dtype=np.int64)
    weights = np.ones(len(target)) if weights is None else weights
    if labels.task == "regression":
        targets = ((target - target.mean()) / (target.std() or 1.0))[:, None]
    elif labels.task == "multilabel":
        targets, codes = target, one_vs_rest_targets(target, labels).codes
    else:
        shares = np.eye(len(labels.classes))[target] if target.ndim == 1 else target
        codes = np.flatnonzero(shares.sum(axis=0) > 0)
        targets = shares[:, codes]
        if job.recipe.static.class_weights == "balanced":
            weights = weights * (targets @ (len(targets) / (len(codes) * targets.sum(axis=0))))
    return torch.tensor(targets).float(), torch.tensor(weights).float(), codes


def _batch_loss(job: Job, scores: Any, targets: Any, weights: Any) -> Any:
    from torch.nn import functional

    if job.labels.task == "regression":
        losses = (
            functional.smooth_l1_loss(scores, targets, reduction="none")[:, 0] / REGRESSION_DAMPING
        )
    elif job.labels.task == "multilabel":
        losses = functional.binary_cross_entropy_with_logits(scores, targets, reduction="none")
        losses = losses.sum(dim=1)
    else:
        losses = functional.cross_entropy(scores, targets, reduction="none")
    return (losses * weights).mean()


def _export_head(
    job: Job, head: Any, target: np.ndarray, codes: np.ndarray, pairs: bool
) -> dense_heads.Head:
    weights = head.weight.detach().numpy().astype(np.float64)
    bias = head.bias.detach().numpy().astype(np.float64)
    if job.labels.task == "regression":
        scale = float(target.std()) or 1.0
        weights, bias = weights * scale, bias * scale + target.mean()
    if pairs:  # the last feature, the cosine, was not used in training
        weights = np.hstack([weights, np.zeros((len(weights), 1))])
    return dense_heads.LinearHead(weights, bias, codes)
