"""The README of an exported folder: usage with onnxruntime and tokenizers alone."""

from foldline.models.neural.long_text import LongTextReader

DECODING = {
    "classification": """\
powers = np.exp(logits - logits.max(axis=1, keepdims=True))
probabilities = powers / powers.sum(axis=1, keepdims=True)
names = config["id2label"]
predicted = [names[str(code)] for code in probabilities.argmax(axis=1)]""",
    "multilabel": """\
probabilities = 1 / (1 + np.exp(-logits))
names = config["id2label"]
predicted = [[names[str(i)] for i, p in enumerate(row) if p >= 0.5] for row in probabilities]""",
    "regression": """\
predicted = logits[:, 0].tolist()""",
}
CODE = """\
import json
from pathlib import Path

import numpy as np
import onnxruntime
from tokenizers import Tokenizer

folder = Path(".")
texts = ["a text", "another one"]  # of pairs: [("a text", "its pair"), ...]

config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
session = onnxruntime.InferenceSession(str(folder / "model.onnx"))
read = tokenizer.encode_batch(texts)
given = {
    "input_ids": [one.ids for one in read],
    "attention_mask": [one.attention_mask for one in read],
    "token_type_ids": [one.type_ids for one in read],
}
inputs = {one.name: np.array(given[one.name], dtype=np.int64) for one in session.get_inputs()}
logits = session.run(["logits"], inputs)[0]
"""


def format_readme(task: str, reader: LongTextReader) -> str:
    """Return the README; its code runs as it stands, from within the folder."""
    cut = {
        "head": f"Texts are cut to their first {reader.max_length} tokens, as in training.",
        "tail": f"Texts are cut to their last {reader.max_length} tokens, as in training.",
    }.get(
        reader.how,
        f"The model learnt texts of more than {reader.max_length} tokens in pieces "
        f"(train.long_text={reader.how}), and this folder reads their head alone: keep to "
        "shorter texts.",
    )
    return f"""# A text model for onnxruntime

`pip install onnxruntime tokenizers numpy`, then, in this folder:

```python
{CODE}{DECODING[task]}
```

`model_int8.onnx`, if it is here, is smaller and faster, and used alike. {cut}
Texts of about one length in a batch are fastest: little is padded. On a CPU a session opened with
`disabled_optimizers=["SkipLayerNormFusion"]` takes about a fifth less time, for equal predictions.
"""
