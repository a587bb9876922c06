"""A transformer as an ONNX graph, in float32 or with int8 weights."""

import logging
import warnings
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from foldline.core.environment import install_command
from foldline.core.errors import FoldlineError
from foldline.models.neural.attention import eager_attention, first_token_only

PACKAGES = ("onnx", "onnxruntime", "onnxscript")
MAX_FILE_BYTES = 1_800_000_000  # of weights; a protobuf file is limited to 2 GiB
# Any sizes but 0 and 1, which the exporter treats as constants.
EXAMPLE = (2, 7)


def missing_packages() -> list[str]:
    """Return the packages of the extra that are not installed."""
    return [name for name in PACKAGES if find_spec(name) is None]


def check_installed() -> None:
    """Refuse to continue without the packages of the extra.

    Raises:
        FoldlineError: if one is not installed, with the command that installs them.
    """
    absent = missing_packages()
    if absent:
        raise FoldlineError(
            f"{absent[0]} is not installed (the extra `onnx` of pyproject.toml). Next: "
            f"{install_command(*PACKAGES)}"
        )


def write_graph(model: Any, names: list[str], path: Path) -> None:
    """Write the float32 graph from inputs (b, t) of any size to `logits` (b, c).

    torch's older exporter, by tracing, silently writes wrong graphs of BERT and GPT-2, so this uses
    the newer one (dynamo). Attention is eager: fused attention would add guards for rows without
    any token, which do not occur.
    """
    examples = example_inputs(names, int(model.config.vocab_size))
    free = {0: torch.export.Dim.DYNAMIC, 1: torch.export.Dim.DYNAMIC}
    device = model.device
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with (
            warnings.catch_warnings(),
            torch.no_grad(),
            eager_attention(model),
            first_token_only(model),
        ):
            warnings.simplefilter("ignore")
            torch.onnx.export(
                LogitsModule(model.cpu().eval(), names),
                tuple(examples.values()),
                path,
                dynamo=True,
                input_names=names,
                output_names=["logits"],
                dynamic_shapes=((free,) * len(names),),
                external_data=_weight_bytes(model) > MAX_FILE_BYTES,
                verbose=False,
            )
    except torch.onnx.OnnxExporterError as error:
        kind, reason = type(model).__name__, " ".join(str(error).split())[:300]
        raise FoldlineError(f"{kind} cannot be exported to ONNX by torch: {reason}") from error
    finally:
        logger.setLevel(level)
        model.to(device)


def example_inputs(names: list[str], vocabulary: int) -> dict[str, torch.Tensor]:
    """Return example inputs, each a separate tensor: shared ones would be merged."""
    tokens = torch.arange(EXAMPLE[0] * EXAMPLE[1]).reshape(EXAMPLE) % vocabulary
    inputs = {"input_ids": tokens, "attention_mask": torch.ones_like(tokens)}
    return {name: inputs.get(name, torch.zeros_like(tokens)).clone() for name in names}


def quantize(path: Path, to: Path) -> None:
    """Write the graph with int8 weights and dynamically quantised activations."""
    import onnx
    from onnxruntime.quantization import QuantType, quantize_dynamic

    graph = onnx.load(path)
    # The recorded float32 shapes would contradict the quantised ones.
    del graph.graph.value_info[:]
    root = logging.getLogger()
    level = root.level
    root.setLevel(logging.ERROR)  # it recommends a pre-processing step
    try:
        quantize_dynamic(graph, to, weight_type=QuantType.QInt8)
    finally:
        root.setLevel(level)


class LogitsModule(torch.nn.Module):
    """A model with positional inputs in a fixed order, and the logits as its only output."""

    def __init__(self, model: Any, names: list[str]) -> None:
        super().__init__()
        self.model, self.names = model, names

    def forward(self, *values: torch.Tensor) -> torch.Tensor:
        """Return (b, c) logits."""
        inputs = dict(zip(self.names, values, strict=True))
        logits: torch.Tensor = self.model(**inputs).logits
        return logits


def _weight_bytes(model: Any) -> int:
    return sum(p.numel() * p.element_size() for p in model.parameters())
