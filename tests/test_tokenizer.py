"""The tokenizer that is trained from the training rows."""

import subprocess
import sys
from pathlib import Path

import pytest

from foldline.modeling.neural import scratch


@pytest.mark.slow
def test_the_tokenizer_is_the_same_in_every_process(recipe, rows, tmp_path) -> None:
    """The trainer of `tokenizers` numbers characters by a hash that each process draws anew."""
    texts = rows()["text"].tolist()
    code = (
        "import sys; from tokenizers import normalizers as n, pre_tokenizers as p;"
        "from foldline.modeling.neural.scratch import _vocabulary as v;"
        "print(sorted(v(sys.argv[1:], 200, n.BertNormalizer(), p.BertPreTokenizer()).items()))"
    )
    command = [sys.executable, "-c", code, *texts]
    root = Path(__file__).resolve().parents[1]
    found = {subprocess.run(command, cwd=root, capture_output=True).stdout for _ in range(3)}
    assert len(found) == 1
    assert len(next(iter(found))) > 1000
    one, other = (scratch.tokenizer(t, recipe()).get_vocab() for t in (texts, texts[::-1]))
    assert one == other


def test_the_vocabulary_is_no_larger_than_asked(recipe) -> None:
    texts = [chr(0xAC00 + i) + chr(0xAC00 + i + 1) for i in range(500)]
    tokenizer = scratch.tokenizer(texts, recipe({"scratch.vocabulary": 100}))
    assert len(tokenizer) <= 100
    assert tokenizer("각")["input_ids"]
