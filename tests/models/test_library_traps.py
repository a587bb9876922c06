"""What goes wrong with plain libraries, reproduced, beside ours that is immune.

Where one of these fails, a library has mended itself, and what guards against it may go.
"""

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch
from transformers import (
    BertConfig,
    BertForSequenceClassification,
    BertTokenizerFast,
    Trainer,
    TrainingArguments,
    set_seed,
)

from foldline.core.errors import FoldlineError
from foldline.data.reading import read_raw
from foldline.models.neural import scratch
from foldline.models.neural.losses import make_loss
from foldline.models.text_encoding import check_tokens, encode


def bert(dropout: float = 0.1) -> Any:
    set_seed(3)
    sizes = {"num_hidden_layers": 1, "num_attention_heads": 2, "vocab_size": 60, "num_labels": 3}
    drops = {"hidden_dropout_prob": dropout, "attention_probs_dropout_prob": dropout}
    config: Any = BertConfig
    return BertForSequenceClassification(
        config(hidden_size=16, intermediate_size=32, **sizes, **drops)
    )


@pytest.fixture(scope="module")
def data() -> list[dict[str, Any]]:
    """Return 48 rows of 3 to 20 tokens; their label says how long they are."""
    rng = np.random.default_rng(0)
    lengths = rng.integers(3, 21, size=48)
    return [
        {"input_ids": rng.integers(5, 60, size=n).tolist(), "labels": int(min(n // 7, 2))}
        for n in lengths
    ]


def collate(rows: list[dict[str, Any]]) -> dict[str, Any]:
    longest = max(len(row["input_ids"]) for row in rows)
    ids = [row["input_ids"] + [0] * (longest - len(row["input_ids"])) for row in rows]
    batch = {"input_ids": torch.tensor(ids)}
    batch["attention_mask"] = (batch["input_ids"] != 0).long()
    return batch | {"labels": torch.tensor([row["labels"] for row in rows])}


def plain_trainer(folder: Path, data: Any, model: Any, **how: Any) -> Trainer:
    """Return Trainer as its documentation shows it."""
    arguments = TrainingArguments(
        output_dir=str(folder),
        report_to="none",
        use_cpu=True,
        disable_tqdm=True,
        logging_steps=1,
        seed=1,
        **{"per_device_train_batch_size": 4, "learning_rate": 1e-2, **how},
    )
    return Trainer(model, arguments, train_dataset=data, data_collator=collate)


def test_grouping_by_length_scrambles_trainers_predictions(data, tmp_path) -> None:
    model = bert(0.0)
    own, grouped = (
        plain_trainer(tmp_path, data, model, train_sampling_strategy=how).predict(data)
        for how in ("random", "group_by_length")
    )
    expected = [row["labels"] for row in data]
    assert own.label_ids.tolist() == expected
    assert grouped.label_ids.tolist() != expected  # labels go along, so scores look right
    assert sorted(grouped.label_ids.tolist()) == sorted(expected)


@pytest.mark.slow
def test_our_predictions_are_in_the_order_of_the_rows(fit, rows) -> None:
    table = rows()
    texts = [" ".join(text.split()[: 1 + i % 7]) for i, text in enumerate(table["text"])]
    table = table.assign(text=texts)
    model = fit("scratch", table.iloc[:28], table.iloc[28:], "classification").model
    together = model.predict(table)
    alone = np.concatenate([model.predict(table.iloc[i : i + 1]) for i in range(len(table))])
    assert together == pytest.approx(alone, abs=1e-5)
    assert len({tuple(row) for row in together.round(6)}) > 30


def flat_weights(model: Any) -> torch.Tensor:
    return torch.cat([p.detach().flatten() for p in model.parameters()])


def resumed_loss(strategy: str, data: Any, folder: Path) -> float:
    """Return how far weights are off after a training went on within its second epoch."""
    how: dict[str, Any] = {"train_sampling_strategy": strategy, "num_train_epochs": 2}
    how |= {"save_strategy": "steps", "save_steps": 17}
    whole = bert()
    plain_trainer(folder, data, whole, **how).train()
    again = bert()
    plain_trainer(folder, data, again, **how).train(
        resume_from_checkpoint=str(folder / "checkpoint-17")
    )
    return float((flat_weights(whole) - flat_weights(again)).abs().max())


@pytest.mark.slow
def test_grouping_by_length_does_not_go_on_exactly(data, tmp_path) -> None:
    assert resumed_loss("random", data, tmp_path / "a") == 0.0
    assert resumed_loss("group_by_length", data, tmp_path / "b") > 1e-4


def test_a_tokenizer_made_of_a_file_knows_five_tokens(rows, recipe, tmp_path) -> None:
    """transformers 5 takes `vocab_file`, says nothing, and reads no file; ours is refused it."""
    table = rows()
    vocabulary = scratch.train_tokenizer(table["text"].tolist(), recipe()).get_vocab()
    path = tmp_path / "vocab.txt"
    path.write_text("\n".join(sorted(vocabulary, key=lambda token: vocabulary[token])), "utf-8")
    broken = BertTokenizerFast(vocab_file=str(path))
    assert len(broken) == 5
    encoded = np.concatenate(encode(broken, table, 24)["input_ids"])
    with pytest.raises(FoldlineError, match=r"100% of the tokens .* are unknown"):
        check_tokens(broken, encoded, "x")
    whole = scratch.train_tokenizer(table["text"].tolist(), recipe())
    check_tokens(whole, np.concatenate(encode(whole, table, 24)["input_ids"]), "x")


def test_a_loss_of_the_usual_kind_grows_with_accumulation(data, tmp_path, recipe) -> None:
    """A mean over each small batch, as most custom losses are, is added up, not averaged."""

    def usual(outputs: Any, labels: Any, num_items_in_batch: Any = None) -> Any:
        return torch.nn.functional.cross_entropy(outputs.logits, labels)

    own = make_loss(
        SimpleNamespace(task="classification", classes=("a", "b", "c")),  # type: ignore[arg-type]
        np.array([row["labels"] for row in data]),
        recipe().train,
    )

    def first_loss(loss: Any, batch: int, count: int) -> float:
        how = {"per_device_train_batch_size": batch, "gradient_accumulation_steps": count}
        trainer = plain_trainer(tmp_path, data, bert(0.0), max_steps=1, **how)
        trainer.compute_loss_func = loss
        trainer.train()
        return float(trainer.state.log_history[0]["loss"])

    assert first_loss(usual, 4, 4) == pytest.approx(4 * first_loss(usual, 16, 1), rel=1e-2)
    assert first_loss(own, 4, 4) == pytest.approx(first_loss(own, 16, 1), abs=1e-6)


def test_read_csv_splits_a_row_at_a_bare_carriage_return(tmp_path) -> None:
    """A row more, a label lost, and no word of it; ours keeps the character in its text."""
    path = tmp_path / "a.csv"
    path.write_bytes(b"id,text,label\n1,one\rtwo,x\n2,three,y\n")
    assert pd.read_csv(path)["label"].isna().tolist() == [True, True, False]
    found = read_raw(path)
    assert found.columns["text"] == ["one\rtwo", "three"]
    assert found.columns["label"] == ["x", "y"]
