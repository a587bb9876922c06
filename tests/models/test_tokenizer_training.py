"""The tokenizers that are trained from the training rows, and what is built upon them."""

import subprocess
import sys
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from foldline.models import registry
from foldline.models.neural import scratch
from foldline.models.neural.tokenizer_training import SPECIAL, TOKENIZERS

ROOT = Path(__file__).resolve().parents[2]
every = pytest.mark.parametrize("name", TOKENIZERS)


def train(recipe: Any, name: str, texts: list[str], size: int = 200) -> Any:
    return scratch.train_tokenizer(
        texts, recipe({"scratch.tokenizer": name, "scratch.vocabulary": size})
    )


@pytest.mark.slow
@every
def test_the_tokenizer_is_the_same_in_every_process(name, recipe, rows, tmp_path) -> None:
    """The trainers of `tokenizers` number pieces by a hash that each process draws anew."""
    texts = rows()["text"].tolist()
    code = (
        "import sys; from foldline.models.neural.tokenizer_training import TOKENIZERS;"
        "print(TOKENIZERS[sys.argv[1]](sys.argv[2:], 200).to_str())"
    )
    command = [sys.executable, "-c", code, name, *texts]
    found = {subprocess.run(command, cwd=ROOT, capture_output=True).stdout for _ in range(3)}
    assert len(found) == 1
    assert len(next(iter(found))) > 1000
    one, other = (train(recipe, name, t).get_vocab() for t in (texts, texts[::-1]))
    assert one == other


@every
def test_the_vocabulary_is_no_larger_than_asked(name, recipe) -> None:
    texts = [chr(0xAC00 + i) + chr(0xAC00 + i + 1) for i in range(500)]
    tokenizer = train(recipe, name, texts, 100)
    assert len(tokenizer) <= 100
    assert tokenizer.convert_tokens_to_ids(SPECIAL) == [0, 1, 2, 3, 4]
    assert tokenizer("각")["input_ids"][:1] == [2]


@every
def test_single_texts_and_pairs_are_marked(name, recipe, rows) -> None:
    tokenizer = train(recipe, name, rows()["text"].tolist())
    single, pair = tokenizer("축구 경기")["input_ids"], tokenizer("축구", "경기")["input_ids"]
    assert (single[0], single[-1]) == (2, 3)
    assert pair.count(3) == 2
    assert tokenizer("축구 경기")["attention_mask"] == [1] * len(single)
    assert 1 not in single  # all of it is known


def tokenise(tokenizer: Any, text: str) -> list[str]:
    return list(tokenizer.convert_ids_to_tokens(tokenizer(text)["input_ids"])[1:-1])


def test_characters_by_hand(recipe) -> None:
    tokenizer = train(recipe, "character", ["한글 ABC", "한글 é"])
    assert tokenise(tokenizer, "글 한b") == ["▁", "글", "▁", "한", "b"]
    assert tokenise(tokenizer, "한z") == ["▁", "한", "[UNK]"]


def test_jamo_by_hand(recipe) -> None:
    tokenizer = train(recipe, "jamo", ["한글 ABC", "각"])
    assert tokenise(tokenizer, "한 b") == ["▁", *unicodedata.normalize("NFD", "한"), "▁", "b"]
    # A syllable that was never seen is known by its letters.
    assert "[UNK]" not in tokenise(tokenizer, "간")


def test_pieces_of_words_by_hand(recipe) -> None:
    """The most frequent pair is merged first: a and b, then ab and c, each at a word's begin."""
    texts = ["abc abc abc abd", "xbq"] * 3
    assert tokenise(train(recipe, "bpe", texts, 50), "abc abd") == ["▁abc", "▁abd"]
    assert tokenise(train(recipe, "wordpiece", texts, 50), "abcx") == ["abc", "##x"]
    assert "".join(tokenise(train(recipe, "unigram", texts, 50), "abc xb")) == "▁abc▁xb"


@pytest.mark.slow
@pytest.mark.parametrize("pooling", ["cls", "mean"])
@every
def test_a_model_opens_with_plain_transformers(name, pooling, fit, rows, labels, tmp_path) -> None:
    from transformers import pipeline

    table = rows()
    dotted = {"scratch.tokenizer": name, "scratch.pooling": pooling}
    found = fit(
        "scratch", table.iloc[:28], table.iloc[28:34], "classification", dotted=dotted, epochs=1
    )
    held = table.iloc[34:]
    together = found.model.predict(held)
    registry.save(found.model, "scratch", labels("classification"), tmp_path / "m")
    np.testing.assert_array_equal(registry.load(tmp_path / "m").predict(held), together)
    pipe = pipeline("text-classification", str(tmp_path / "m"), top_k=None, device="cpu")
    answers = pipe(held["text"].tolist(), truncation=True)
    for answer, expected in zip(answers, together, strict=True):
        scores = {entry["label"]: entry["score"] for entry in answer}
        assert scores == pytest.approx(
            dict(zip(labels("classification").classes, expected, strict=True)), abs=1e-5
        )


@pytest.mark.parametrize("pooling", ["cls", "mean"])
def test_a_new_model_knows_nothing(pooling, recipe, labels) -> None:
    """Else the first loss is above that of even probabilities, and `sanity` stumbles over it."""
    own = recipe({"scratch.pooling": pooling, "scratch.width": 128, "scratch.heads": 4})
    torch.manual_seed(0)
    model = scratch.build_model(500, labels("classification"), own, {}).eval()
    tokens = torch.randint(4, 500, (256, own.max_length))
    with torch.inference_mode():
        found = model(input_ids=tokens, attention_mask=torch.ones_like(tokens)).logits
    assert 0 < float(found.std()) < 0.4


@pytest.mark.parametrize(("task", "pairs"), [("classification", True), ("regression", False)])
def test_the_mean_is_over_the_tokens_of_the_row_alone(task, pairs, fit, rows) -> None:
    table = rows(task, pairs)
    dotted = {"scratch.pooling": "mean"}
    found = fit("scratch", table.iloc[:28], table.iloc[28:34], task, dotted=dotted, epochs=1)
    held = table.iloc[34:].copy()
    held["text"] = ["a", *held["text"].tolist()[1:]]
    together = found.model.predict(held)
    alone = np.concatenate([found.model.predict(held.iloc[i : i + 1]) for i in range(6)])
    assert alone == pytest.approx(together, abs=1e-5)
    assert found.model.model.config.classifier_pooling == "mean"


def test_a_mean_needs_an_even_width(recipe) -> None:
    with pytest.raises(ValueError, match="even multiple of heads"):
        recipe({"scratch.pooling": "mean", "scratch.width": 6, "scratch.heads": 2})


def test_every_tokenizer_of_params_is_known(recipe) -> None:
    from foldline.core.params import Scratch

    named = set(Scratch.model_fields["tokenizer"].annotation.__args__)  # type: ignore[union-attr]
    assert named == set(TOKENIZERS)
