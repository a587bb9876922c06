"""Adversarial training: worst-case perturbations of embeddings (FGM) or of weights (AWP)."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import torch

from foldline.core.errors import FoldlineError
from foldline.encoders.model_sizes import find_embeddings

TINY = 1e-12


class EmbeddingPerturbation:
    """Perturb each row's embeddings along their gradient (FGM; Miyato et al., 2017).

    The perturbation of a row has one length over all of its tokens, so it does not depend on the
    other rows: `size` standard deviations of the embeddings at the start of training. The paper's
    lengths are for embeddings with a standard deviation of 1; new models have 0.02, pretrained ones
    about 0.05, and a length of 1 would drown their content.
    """

    def __init__(self, model: Any, size: float) -> None:
        # BART never calls its own embeddings, only those of its encoder and decoder.
        self.name = type(model).__name__
        reader = model.get_encoder() if model.config.is_encoder_decoder else model
        self.layer = find_embeddings(reader)
        if self.layer is None:
            raise FoldlineError(
                f"train.adversarial: fgm does not support {self.name}, whose token embeddings were "
                "not found; use awp or none"
            )
        self.size = size * float(self.layer.weight.detach().float().std())
        self.rows = 1 if model.config.model_type == "xlnet" else 0  # its inputs are (tokens, n)

    @contextmanager
    def record(self) -> Iterator[list[Any]]:
        """Collect the embeddings of every forward pass; their gradients come later."""
        seen: list[Any] = []

        def keep(module: Any, inputs: Any, output: Any) -> Any:
            # Frozen embeddings need a gradient too.
            output = output if output.requires_grad else output.requires_grad_()
            output.retain_grad()
            seen.append(output)
            return output

        hook = self.layer.register_forward_hook(keep)
        try:
            yield seen
        finally:
            hook.remove()

    @contextmanager
    def perturb(self, seen: list[Any]) -> Iterator[None]:
        """Add the perturbation along the gradients of `seen` to the embeddings of every pass.

        Raises:
            FoldlineError: if the forward pass did not use `get_input_embeddings()`.
        """
        if not seen:
            raise FoldlineError(
                f"train.adversarial: fgm does not support {self.name}: its forward pass ignores "
                "`get_input_embeddings()`; use awp or none"
            )
        gradient = sum(embeddings.grad for embeddings in seen).transpose(0, self.rows)
        change = scale_gradient(gradient, self.size).transpose(0, self.rows)
        hook = self.layer.register_forward_hook(lambda m, i, output: output + change)
        try:
            yield
        finally:
            hook.remove()


def scale_gradient(gradient: Any, size: float) -> Any:
    """Return a gradient (n, tokens, width) scaled to length `size` for each row."""
    length = gradient.flatten(1).norm(dim=1).clamp(min=TINY)
    return size * gradient / length[:, None, None]


class WeightPerturbation:
    """Perturb weights so that the step's loss rises, and train there (AWP; Wu et al., 2020).

    Each matrix moves along its gradient by `size` thousandths of its norm; biases and norms stay.
    The step uses the gradient at the perturbed weights; then the weights are restored. The paper's
    5 to 10 thousandths are for images: text models learn nothing with 10.
    """

    def __init__(self, model: Any, size: float) -> None:
        self.model, self.size = model, size / 1000
        self.originals: list[tuple[Any, Any]] = []

    @torch.no_grad()
    def apply(self, backward: Callable[[], None]) -> None:
        """Perturb the weights by the gradient that `backward` computes, then discard it."""
        with torch.enable_grad():
            backward()
        for weight in self.model.parameters():
            if weight.grad is not None and weight.ndim > 1:
                self.originals.append((weight, weight.detach().clone()))
                length = weight.grad.norm().clamp(min=TINY)
                weight.add_(weight.grad, alpha=float(self.size * weight.norm() / length))
        self.model.zero_grad()

    @torch.no_grad()
    def restore(self) -> None:
        """Restore the weights."""
        for weight, original in self.originals:
            weight.copy_(original)
        self.originals = []


@contextmanager
def synchronised_gradients(model: Any) -> Iterator[None]:
    """Let a backward pass sum gradients over all processes, as a step's last batch does."""
    flag = "require_backward_grad_sync"  # of torch's DistributedDataParallel
    before = getattr(model, flag, None)
    if before is None:
        yield
        return
    setattr(model, flag, True)
    try:
        yield
    finally:
        setattr(model, flag, before)
