"""Checks of losses: functions of logits (n, c) and target that return a loss for each row."""

from collections.abc import Callable, Mapping
from typing import Any

from foldline.testing.contract import equal_arrays, get_function, require

N, CLASSES = 6, 3
CLOSE = 1e-5


def check_loss(part: Any, task: str, options: Mapping[str, Any] | None = None) -> None:
    """Check a loss: a function `loss(logits, target, **options)`, or a module that defines it.

    Raises:
        ContractError: naming what is wrong and what to change.
    """
    import torch

    loss = get_function(part, "loss", options)
    logits, target = sample_logits(task)
    before = logits.clone(), target.clone()
    losses = loss(logits, target)
    require(
        isinstance(losses, torch.Tensor) and losses.shape == (N,),
        f"{N} rows have a loss of shape {tuple(getattr(losses, 'shape', ())) or 'one number'}",
        f"Return a tensor of shape ({N},), one loss for each row: do not average, use "
        "`reduction='none'`",
    )
    require(
        torch.equal(logits, before[0]) and torch.equal(target, before[1]),
        "the loss changed its inputs",
        "Use no operation in place, such as `logits.clamp_()`",
    )
    _check_values(losses, "of random logits")
    check_rows_alone(loss, logits, target)
    check_gradients(loss, task)
    check_direction(loss, task)
    if task == "classification":
        check_shares(loss)


def sample_logits(task: str) -> tuple[Any, Any]:
    """Return logits (n, c) and a target of a task as trainings see them."""
    import torch

    generator = torch.Generator().manual_seed(0)
    logits = torch.randn(N, 1 if task == "regression" else CLASSES, generator=generator)
    if task == "classification":
        return logits, torch.arange(N) % CLASSES
    if task == "multilabel":
        return logits, torch.randint(2, (N, CLASSES), generator=generator).float()
    return logits, torch.randn(N, generator=generator)


def check_rows_alone(loss: Callable[..., Any], logits: Any, target: Any) -> None:
    """Check that a row's loss does not depend on the other rows of its batch."""
    together = loss(logits, target).tolist()
    alone = [float(loss(logits[i : i + 1], target[i : i + 1])) for i in range(len(logits))]
    require(
        equal_arrays(alone, together, CLOSE),
        "the loss of a row changes with the other rows of its batch",
        "Calculate each row by itself: a batch is cut into parts where memory is short, and its "
        "loss must stay the same",
    )


def check_gradients(loss: Callable[..., Any], task: str) -> None:
    """Check that gradients exist, and are finite for outputs that are certain, too."""
    import torch

    for scale, what in ((1.0, "of random logits"), (200.0, "of logits of +-200")):
        logits, target = sample_logits(task)
        logits = (logits.sign() * scale if scale > 1 else logits).requires_grad_()
        losses = loss(logits, target)
        _check_values(losses.detach(), what)
        require(
            losses.requires_grad,
            "the loss has no gradient",
            "Use torch's functions on `logits` alone, without .detach(), .item() or numpy",
        )
        losses.sum().backward()
        gradient = logits.grad
        require(
            gradient is not None and bool(torch.isfinite(gradient).all()),
            f"the gradient {what} is NaN or infinite",
            "Use log_softmax or logsigmoid in place of log(softmax) or log(sigmoid), and clamp "
            "what goes into a power below 1, a root or a logarithm",
        )
        require(
            scale > 1 or bool(gradient.any()),
            f"the gradient {what} is 0 everywhere",
            "Let the loss depend on `logits`",
        )


def check_direction(loss: Callable[..., Any], task: str) -> None:
    """Check that right outputs cost less than wrong ones."""
    import torch

    _, target = sample_logits(task)
    if task == "classification":
        right, wrong = (
            4.0 * torch.eye(CLASSES)[codes] for codes in (target, (target + 1) % CLASSES)
        )
    elif task == "multilabel":
        right, wrong = 4.0 * (2 * target - 1), -4.0 * (2 * target - 1)
    else:
        right, wrong = target[:, None], target[:, None] + 2
    least, most = (float(loss(logits, target).mean()) for logits in (right, wrong))
    require(
        least < most,
        f"right outputs cost {least:g}, wrong ones {most:g}",
        "A loss must be smaller where outputs are better: look at its sign",
    )


def check_shares(loss: Callable[..., Any]) -> None:
    """Check that a target of shares (n, c) that are certain costs what codes (n,) cost."""
    import torch

    logits, target = sample_logits("classification")
    require(
        equal_arrays(
            loss(logits, torch.eye(CLASSES)[target]).tolist(), loss(logits, target).tolist(), CLOSE
        ),
        "a target of shares, all of one class, costs other than the class itself",
        "`target` is (n,) codes, or (n, c) shares of annotators: take "
        "`torch.nn.functional.one_hot(target, c)` of codes and calculate with shares",
    )


def _check_values(losses: Any, what: str) -> None:
    import torch

    require(
        bool(torch.isfinite(losses).all()),
        f"the loss {what} is NaN or infinite",
        "Use log_softmax or logsigmoid in place of log(softmax) or log(sigmoid)",
    )
    require(
        bool((losses >= -CLOSE).all()),
        f"the loss {what} is {float(losses.min()):g}, below 0",
        "Add what makes 0 its least value",
    )
