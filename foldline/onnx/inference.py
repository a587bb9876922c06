"""An exported folder read with onnxruntime and tokenizers alone, as a service would."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from foldline.models.neural.prediction import Padding, batch_by_length
from foldline.models.neural.transformer import to_predictions
from foldline.models.text_encoding import Columns

FLOAT, INT8 = "model.onnx", "model_int8.onnx"
# On a CPU this fused kernel takes three to nine times as long as the two that it replaces.
SLOW_OPTIMIZERS = ["SkipLayerNormFusion"]


@dataclass(frozen=True)
class OnnxModel:
    """A session, a truncating tokenizer, and the task."""

    session: Any
    tokenizer: Any
    padding: Padding
    task: str

    def predict(self, rows: pd.DataFrame) -> np.ndarray:
        """Return (n, c) probabilities or (n,) values, in the order of the rows."""
        columns = self._columns(rows)
        logits = np.zeros((len(rows), self.session.get_outputs()[0].shape[1]))
        for indices in batch_by_length(columns):
            batch = self.padding.pad(columns, indices)
            logits[indices] = self.session.run(["logits"], batch)[0]
        return to_predictions(logits, self.task)

    def _columns(self, rows: pd.DataFrame) -> Columns:
        texts = zip(rows["text"].tolist(), rows["text_pair"].tolist(), strict=True)
        inputs = [(text, pair) if pair else text for text, pair in texts]
        encodings = self.tokenizer.encode_batch_fast(inputs)
        empty = {"input_ids": [self.padding.fill["input_ids"]], "attention_mask": [1]}
        values = {
            "input_ids": [encoding.ids for encoding in encodings],
            "attention_mask": [encoding.attention_mask for encoding in encodings],
            "token_type_ids": [encoding.type_ids for encoding in encodings],
        }
        return {
            encoding.name: [ids or empty.get(encoding.name, [0]) for ids in values[encoding.name]]
            for encoding in self.session.get_inputs()
        }


def open_graph(folder: Path, name: str, task: str, threads: int) -> OnnxModel:
    """Open one of a folder's graphs, FLOAT or INT8, with so many CPU threads."""
    import onnxruntime
    from tokenizers import Tokenizer

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(
        str(folder / name),
        options,
        providers=["CPUExecutionProvider"],
        disabled_optimizers=SLOW_OPTIMIZERS,
    )
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    padding: Any = tokenizer.padding
    tokenizer.no_padding()
    fill = {"input_ids": padding["pad_id"], "token_type_ids": padding["pad_type_id"]}
    return OnnxModel(session, tokenizer, Padding(fill, padding["direction"] == "left"), task)
