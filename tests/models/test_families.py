"""Each family of encoders and decoders: fine-tuned, saved, and opened again, here and elsewhere."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from transformers import AutoModel, RobertaConfig

from foldline.models import registry
from foldline.models.neural.transformer import to_predictions
from tests.helpers.marks import mark_slow_except
from tests.helpers.tiny_models import CONFIGS, EAGER_ONLY, SIZES

RANK = 3
HOW = {"epochs": 2, "lr": 1e-3, "max_length": 64}
FAMILIES = CONFIGS | EAGER_ONLY
LORA = ["albert", "distilbert", "electra", "deberta-v2", "modernbert"]
ONE_TYPE = {"one type": lambda: RobertaConfig(**SIZES, type_vocab_size=1)}
# How the tokenizer of each marks a text and a pair of them: [CLS], <s> or a last token alone.
MARKED: dict[str, list[str]] = {
    "bert": ["bert", "albert", "electra", "deberta-v2", "distilbert", "modernbert", "one type"],
    "roberta": ["roberta", "xlm-roberta", "camembert"],
    "gpt": ["gpt2"],
    "llama": ["llama", "xlnet"],
}
# Whose tokenizers give the second text another type; the last three models have no use for it.
TYPED = ["bert", "albert", "electra", "deberta-v2", "distilbert", "one type"]
TEMPLATES = {
    "bert": ("[CLS] $A [SEP]", "[CLS] $A [SEP] $B:1 [SEP]:1", ["[PAD]", "[CLS]", "[SEP]"]),
    "roberta": ("<s> $A </s>", "<s> $A </s> </s> $B </s>", ["<s>", "<pad>", "</s>"]),
    "gpt": ("$A", "$A $B", ["<|endoftext|>"]),
    "llama": ("<s> $A", "<s> $A <s>:1 $B:1", ["<s>", "</s>", "<pad>"]),
}
MARKS: dict[str, dict[str, str]] = {
    "bert": {"pad_token": "[PAD]", "cls_token": "[CLS]", "sep_token": "[SEP]"},
    "roberta": {"pad_token": "<pad>", "cls_token": "<s>", "sep_token": "</s>"},
    "gpt": {"eos_token": "<|endoftext|>"},  # no token to pad with
    "llama": {"eos_token": "</s>", "pad_token": "<pad>"},
}


def build_tokenizer(family: str, texts: list[str]) -> Any:
    """Learn a byte-level tokenizer that marks texts as the family's own does."""
    from tokenizers import ByteLevelBPETokenizer, processors
    from transformers import PreTrainedTokenizerFast

    (way,) = [way for way, families in MARKED.items() if family in families]
    single, pair, special = TEMPLATES[way]
    made = ByteLevelBPETokenizer()
    made.train_from_iterator(texts, 300, special_tokens=special)
    ids = [(token, made.token_to_id(token)) for token in special]
    backend = made._tokenizer
    backend.post_processor = processors.TemplateProcessing(single, pair, ids)
    return PreTrainedTokenizerFast(
        tokenizer_object=backend,
        padding_side="left" if family in MARKED["llama"] else "right",
        model_input_names=["input_ids"]
        + ["token_type_ids"] * (family in TYPED)
        + ["attention_mask"],
        **MARKS[way],
    )


@pytest.fixture(scope="module")
def folder(rows, tmp_path_factory) -> Callable[..., str]:
    """Make the folder of a family's tiny encoder; its weights are so wide that texts differ."""
    from transformers import AutoModelForSequenceClassification, set_seed

    table = rows(pairs=True)

    def make(family: str, outputs: tuple[str, ...] = ()) -> str:
        path = tmp_path_factory.mktemp(family)
        tokenizer = build_tokenizer(family, table["text"].tolist() + table["text_pair"].tolist())
        config = (FAMILIES | ONE_TYPE)[family]()
        config.vocab_size = len(tokenizer)
        config.pad_token_id = tokenizer.pad_token_id
        config.initializer_range = 0.3
        if outputs:
            config.id2label = dict(enumerate(outputs))
        set_seed(0)
        kind = AutoModelForSequenceClassification if outputs else AutoModel
        kind.from_config(config).save_pretrained(path)
        tokenizer.save_pretrained(path)
        return str(path)

    return make


def predict_with_transformers(folder: Any, table: Any, task: str, typed: bool = True) -> np.ndarray:
    """Predict by transformers alone, all rows in one batch; without `typed` all are of type 0."""
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    model = AutoModelForSequenceClassification.from_pretrained(folder).eval()
    how = {"padding": True, "truncation": True, "max_length": 64, "return_tensors": "pt"}
    given = tokenizer(table["text"].tolist(), table["text_pair"].tolist(), **how)
    if not typed:
        given["token_type_ids"].zero_()
    assert 0 < given["attention_mask"].float().mean() < 0.9  # many places are padding
    with torch.no_grad():
        logits = model(**given).logits
    return to_predictions(logits.double().numpy(), task)


@pytest.mark.parametrize("family", mark_slow_except(FAMILIES, ["bert", "gpt2", "xlnet"]))
def test_learnt_saved_and_opened(family, folder, fit, rows, labels, tmp_path) -> None:
    """Texts have 1 to 5 words beside a second text, so that most are padded in a batch."""
    task = "classification"
    table = rows(task, pairs=True)
    table["text"] = [" ".join(text.split()[: 1 + i % 5]) for i, text in enumerate(table["text"])]
    found = fit(folder(family), table.iloc[:24], table.iloc[24:28], task, **HOW)
    tokenizer, config = found.model.tokenizer, found.model.model.config
    assert tokenizer.padding_side == ("left" if family == "xlnet" else "right")
    assert (tokenizer.pad_token == tokenizer.eos_token) == (family == "gpt2")
    assert config.pad_token_id == tokenizer.pad_token_id
    held = table.iloc[28:]
    together = found.model.predict(held)
    alone = np.concatenate([found.model.predict(held.iloc[i : i + 1]) for i in range(len(held))])
    assert np.ptp(together, axis=0).max() > 0.1
    np.testing.assert_allclose(alone, together, atol=1e-5)
    registry.save(found.model, "x", labels(task), tmp_path / "m")
    np.testing.assert_array_equal(registry.load(tmp_path / "m").predict(held), together)
    np.testing.assert_allclose(
        predict_with_transformers(tmp_path / "m", held, task), together, atol=1e-5
    )
    if family in TYPED:
        of_one = predict_with_transformers(tmp_path / "m", held, task, typed=False)
        assert (np.abs(of_one - together).max() > 1e-3) == (family in TYPED[:3])


def test_a_model_of_one_type_reads_pairs(folder, fit, rows, labels, tmp_path) -> None:
    """Korean RoBERTas come with BERT's tokenizer, which gives the second text a type of its own."""
    path = folder("one type")
    table = rows(pairs=True)
    found = fit(path, table.iloc[:24], table.iloc[24:28], "classification", **HOW)
    together = found.model.predict(table)
    assert np.ptp(together, axis=0).max() > 0.1
    registry.save(found.model, "x", labels("classification"), tmp_path / "m")
    opened = predict_with_transformers(tmp_path / "m", table, "classification")
    np.testing.assert_allclose(opened, together, atol=1e-5)


def test_a_model_of_one_type_reads_hypotheses(folder, fit, rows) -> None:
    path = folder("one type", ("contradiction", "neutral", "entailment"))
    table = rows()
    found = fit("zero-shot", table, table[:0], "classification", files={"zero_shot.model": path})
    assert np.ptp(found.model.predict(table), axis=0).max() > 0.03


@pytest.mark.parametrize("family", mark_slow_except(LORA, ["albert"]))
def test_lora(family, folder, fit, rows, labels, tmp_path) -> None:
    """Of an encoder matrices alone move, each by a sum of RANK products; its pooler is learnt."""
    table, path = rows(pairs=True), folder(family)
    how = {"train.lora": RANK, "train.lora_alpha": 6.0, "train.lora_dropout": 0.1}
    parts = table.iloc[:24], table.iloc[24:28]
    found = fit(path, *parts, "classification", dotted=how, lr=1e-2, max_length=64)
    first = AutoModel.from_pretrained(path).state_dict()
    after = found.model.model.base_model.state_dict()
    moved = {n for n, now in after.items() if not torch.equal(now, first[n])}
    assert {n for n in moved if "pooler" in n} == {n for n in first if "pooler" in n}
    adapted = {name for name in moved if "pooler" not in name}
    assert not any(name.startswith("embeddings.") for name in adapted)
    ranks = [torch.linalg.matrix_rank(after[n] - first[n], atol=1e-5) for n in adapted]
    assert set(map(int, ranks)) == {RANK}
    held = table.iloc[28:]
    together = found.model.predict(held)
    assert np.ptp(together, axis=0).max() > 0.1
    registry.save(found.model, "x", labels("classification"), tmp_path / "m")
    np.testing.assert_array_equal(registry.load(tmp_path / "m").predict(held), together)
    opened = predict_with_transformers(tmp_path / "m", held, "classification")
    np.testing.assert_allclose(opened, together, atol=1e-5)
