"""Language modelling before fine-tuning: what is guessed, what is read, what goes on exactly."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from foldline.core.errors import FoldlineError
from foldline.core.io.files import digest
from foldline.ensembling.folds import Fold, split_training_rows
from foldline.models import registry
from foldline.models.interface import Job
from foldline.models.neural import checkpoints, masking, pretraining
from foldline.models.neural.language_model import load_language_model, resolve_objective
from foldline.models.neural.ragged_array import RaggedArray
from tests.helpers.killed_training import kill_after_saves

END = "<|endoftext|>"
ON: dict[str, Any] = {"pretrain.epochs": 2}


class FakeTokenizer:
    """Stands for a tokenizer of 1,000 tokens, of which 0 to 4 are marks and 4 is the mask."""

    mask_token_id = 4
    all_special_ids = (0, 1, 2, 3, 4)

    def __len__(self) -> int:
        return 1000


@pytest.fixture(scope="module")
def family(rows, tmp_path_factory) -> Callable[[str], str]:
    """Make the folder of a tiny random language model of a family."""
    from tokenizers import ByteLevelBPETokenizer, processors
    from transformers import (
        AutoModelForCausalLM,
        AutoModelForMaskedLM,
        GPT2Config,
        LlamaConfig,
        PreTrainedTokenizerFast,
        RobertaConfig,
        set_seed,
    )

    def make(name: str) -> str:
        folder = tmp_path_factory.mktemp(name)
        special = ["<s>", "<pad>", "</s>", "<mask>"] if name == "roberta" else [END]
        trained = ByteLevelBPETokenizer()
        trained.train_from_iterator(rows()["text"].tolist(), 300, special_tokens=special)
        marks = {"eos_token": END} if name == "gpt2" else {}
        config: Any = GPT2Config(n_embd=16, n_layer=2, n_head=2, n_positions=32)
        sizes: dict[str, Any] = {"num_hidden_layers": 2, "num_attention_heads": 2}
        sizes |= {"hidden_size": 16, "intermediate_size": 32}
        if name == "llama":
            config = LlamaConfig(max_position_embeddings=32, **sizes)
        if name == "roberta":
            marks = {"bos_token": "<s>", "eos_token": "</s>", "cls_token": "<s>"}
            marks |= {"sep_token": "</s>", "pad_token": "<pad>", "mask_token": "<mask>"}
            trained._tokenizer.post_processor = processors.RobertaProcessing(
                ("</s>", 2), ("<s>", 0)
            )
            config = RobertaConfig(max_position_embeddings=26, pad_token_id=1, **sizes)
        tokenizer = PreTrainedTokenizerFast(tokenizer_object=trained._tokenizer, **marks)
        set_seed(0)
        config.vocab_size = len(tokenizer)
        maker: Any = AutoModelForMaskedLM if name == "roberta" else AutoModelForCausalLM
        maker.from_config(config).save_pretrained(folder)
        tokenizer.save_pretrained(folder)
        return str(folder)

    return make


def test_tokens_are_masked_as_the_paper_says() -> None:
    """15 % are asked for; of those 80 % are the mask, 10 % another token, 10 % themselves."""
    ids = np.tile(np.arange(1000), 200)
    read, guess = masking.mask_tokens(FakeTokenizer(), 0.15)(ids, np.random.default_rng(0))
    asked = guess != masking.IGNORED
    assert not asked[ids < 5].any()
    assert asked[ids >= 5].mean() == pytest.approx(0.15, abs=0.003)
    np.testing.assert_array_equal(guess[asked], ids[asked])
    np.testing.assert_array_equal(read[~asked], ids[~asked])
    mask, same = read[asked] == 4, read[asked] == ids[asked]
    assert mask.mean() == pytest.approx(0.8, abs=0.01)
    assert same.mean() == pytest.approx(0.1, abs=0.01)
    other = read[asked][~mask & ~same]
    assert other.min() >= 5
    assert len(set(other.tolist())) > 900


def test_a_causal_model_guesses_all_but_the_first_token() -> None:
    ids = np.array([7, 8, 9])
    read, guess = masking.predict_next(ids, np.random.default_rng(0))
    assert read.tolist() == [7, 8, 9]
    assert guess.tolist() == [masking.IGNORED, 8, 9]
    logits = torch.zeros(1, 3, 10)
    logits[0, 0, 8] = logits[0, 1, 9] = 2.0
    total, count = masking.sum_token_losses(logits, torch.tensor(guess)[None], shifted=True)
    assert count == 2
    assert float(total) == pytest.approx(-2 * math.log(math.e**2 / (math.e**2 + 9)), rel=1e-6)


def test_the_objective_follows_the_architecture() -> None:
    from transformers import BertConfig, GPT2Config, ModernBertConfig

    assert resolve_objective(GPT2Config(), "auto") == "causal"
    assert resolve_objective(BertConfig(), "auto") == "masked"
    assert resolve_objective(ModernBertConfig(), "masked") == "masked"
    with pytest.raises(FoldlineError, match=r"causal is not for bert.*set it to masked"):
        resolve_objective(BertConfig(), "causal")
    with pytest.raises(FoldlineError, match=r"masked is not for gpt2.*set it to causal"):
        resolve_objective(GPT2Config(), "masked")


@pytest.mark.slow
@pytest.mark.parametrize("model", ["scratch", "gpt2"])
def test_the_loss_falls_and_the_encoder_is_passed_on(
    model, family, fit, parts, monkeypatch
) -> None:
    known: dict[str, Any] = {}
    take = pretraining.copy_encoder

    def taking(model: Any, learner: Any) -> None:
        take(model, learner)
        known["before"] = {k: v.clone() for k, v in learner.base_model.state_dict().items()}
        known["after"] = {k: v.clone() for k, v in model.base_model.state_dict().items()}

    monkeypatch.setattr(pretraining, "copy_encoder", taking)
    folder = family(model) if model in ("roberta", "gpt2") else model
    dotted = {"pretrain.epochs": 25, "pretrain.lr": 1e-2}
    fitted = fit(folder, *parts, "classification", dotted=dotted, epochs=1)
    found = fitted.run_info["pretraining"]
    assert found["last_loss"] < 0.9 * found["first_loss"]
    assert found["texts"] == parts[0]["text"].nunique()
    if model == "scratch":
        assert found["steps"] == 25 * 4  # 27 of 28 texts by 8
    assert fitted.summary["pretrain_perplexity"] == found["perplexity"] > 1
    for name, value in known["before"].items():
        torch.testing.assert_close(known["after"][name], value)


@pytest.mark.slow
def test_a_token_for_padding_that_is_added_is_in_both_models(family, fit, parts) -> None:
    """LLaMA has none of its own where its tokenizer has no mark at all."""
    found = fit(family("llama"), *parts, "classification", dotted=ON, epochs=1)
    assert found.model.tokenizer.pad_token == "[PAD]"
    assert np.isfinite(found.model.predict(parts[1])).all()
    assert found.summary["pretrain_perplexity"] < 400


@pytest.mark.slow
def test_modernbert_is_pretrained(fit, parts) -> None:
    dotted = ON | {"scratch.pooling": "mean"}
    found = fit("scratch", *parts, "classification", dotted=dotted, epochs=1)
    assert found.summary["pretrain_perplexity"] < 400


def test_the_language_model_s_head_is_that_of_the_checkpoint(family, fit, parts, recipe) -> None:
    from transformers import AutoModelForMaskedLM, AutoModelForSequenceClassification

    folder = family("roberta")
    model = AutoModelForSequenceClassification.from_pretrained(folder)
    learner, shifted = load_language_model(recipe(model=folder), model)
    kept = AutoModelForMaskedLM.from_pretrained(folder)
    assert not shifted
    torch.testing.assert_close(learner.lm_head.dense.weight, kept.lm_head.dense.weight)


def test_perplexity_is_that_of_the_tokens_to_guess() -> None:
    """Two of four tokens known for sure, of ten, and two not at all."""

    class Known(torch.nn.Module):
        device = "cpu"

        def forward(self, input_ids: Any, attention_mask: Any) -> Any:
            logits = torch.zeros(*input_ids.shape, 10)
            logits[:, 0, 5] = 100.0
            return type("Out", (), {"logits": logits})

    class Padder:
        pad_token_id, pad_token_type_id, padding_side = 0, 0, "right"

    lists = {"input_ids": [[4, 5, 6], [7, 5, 8]], "attention_mask": [[1, 1, 1]] * 2}
    columns = {name: RaggedArray.from_lists(values) for name, values in lists.items()}
    rows = masking.TokenizedRows(columns, np.zeros(2), np.arange(2), ["a", "b"])
    found = pretraining.perplexity(Known(), Padder(), rows, masking.predict_next, 0, True)
    assert found == pytest.approx(math.sqrt(10), rel=1e-6)


def make_pretraining_texts(*texts: str, part: str = "unlabelled") -> pd.DataFrame:
    ids = [f"u{n}" for n in range(len(texts))]
    return pd.DataFrame({"id": ids, "text": texts, "text_pair": "", "part": part})


def test_texts_are_those_of_the_training_rows_and_those_beside_them(
    rows, labels, recipe, tmp_path
) -> None:
    """Each once and sorted; copies that balancing made, and validation rows, are not read."""
    table = rows().iloc[:4].assign(source_id=lambda t: t["id"])
    copy = table.iloc[:1].assign(id="copy", text="zebra quagga")
    train = pd.concat([table, copy, table.iloc[:2].assign(id=["x", "y"], source_id=["x", "y"])])
    beside = make_pretraining_texts("new words", table["text"].iloc[0])
    job = Job(train, rows().iloc[4:8], labels("classification"), recipe(), tmp_path, beside)
    assert list(pretraining.collect_texts(job)) == sorted({*table["text"], "new words"})


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_no_held_row_is_read_in_a_fold(
    number, rows, labels, recipe, augment, tmp_path, monkeypatch
) -> None:
    """A word that stands in the held rows alone reaches neither tokenizer nor language model."""
    table = rows().assign(fold=np.arange(40) % 2)
    held = table["fold"] == number
    table.loc[held, "text"] = "quokka " + table.loc[held, "text"]
    table = table.assign(group="", dup_group="", duplicate="")
    own = recipe(ON, epochs=1)
    fold = Fold("m", number, table, labels("classification"), own, augment(), 0.1)
    learn, stop = split_training_rows(fold)
    seen: list[str] = []
    cut = pretraining._tokenise_texts

    def watched(tokenizer: Any, texts: dict[str, str], max_length: int) -> Any:
        seen.extend(texts)
        assert "quokka" not in tokenizer.get_vocab()
        return cut(tokenizer, texts, max_length)

    monkeypatch.setattr(pretraining, "_tokenise_texts", watched)
    registry.fit(Job(learn, stop, fold.labels, own, tmp_path, fold.pretraining_texts))
    assert set(seen) == set(learn["text"])
    assert not any("quokka" in text for text in seen)
    assert not set(seen) & set(stop["text"])


@pytest.mark.slow
def test_texts_of_test_rows_are_reported(fit, parts, capsys) -> None:
    beside = make_pretraining_texts("one text", "two texts", part="test")
    found = fit("scratch", *parts, "classification", dotted=ON, epochs=1, pretraining_texts=beside)
    assert found.summary["pretrain_test_texts"] == 2
    assert "pre-trained on texts of 2 test rows" in capsys.readouterr().out
    plain = fit("scratch", *parts, "classification", dotted=ON, epochs=1)
    assert "pretrain_test_texts" not in plain.summary


def save_and_digest(fitted: Any, labels: Any, folder: Path) -> str:
    registry.save(fitted.model, "scratch", labels("classification"), folder)
    return digest(folder)


@pytest.mark.slow
def test_off_changes_nothing(fit, parts, labels, tmp_path) -> None:
    """Not even with texts beside the rows."""
    plain = fit("scratch", *parts, "classification")
    beside = fit(
        "scratch", *parts, "classification", pretraining_texts=make_pretraining_texts("new words")
    )
    assert plain.summary == beside.summary
    assert save_and_digest(plain, labels, tmp_path / "a") == save_and_digest(
        beside, labels, tmp_path / "b"
    )
    assert not any(name.startswith("pretrain") for name in plain.summary)


@pytest.mark.slow
def test_the_order_of_the_texts_does_not_matter(fit, parts, rows) -> None:
    beside = make_pretraining_texts(*rows()["text"].tolist()[30:])
    one, other = (
        fit(
            "scratch", *parts, "classification", dotted=ON, epochs=1, pretraining_texts=table
        ).summary
        for table in (beside, beside.iloc[::-1])
    )
    assert one == other


@pytest.mark.slow
@pytest.mark.parametrize("model", ["scratch", "pretrained"])
@pytest.mark.parametrize(("saves", "every"), [(1, 300.0), (2, 300.0), (3, 300.0), (2, 0.0)])
def test_goes_on_exactly(model, saves, every, fit, parts, labels, tmp_path, monkeypatch) -> None:
    """Killed within pre-training, at its end, and within fine-tuning; within its first epoch."""
    monkeypatch.setattr(checkpoints, "INTERVAL", every)
    how: dict[str, Any] = {"epochs": 2, "dotted": ON | {"train.reinit_layers": model != "scratch"}}
    how["dotted"]["train.reinit_layers"] = int(model != "scratch")
    whole = fit(model, *parts, "classification", **how)
    with kill_after_saves(saves, monkeypatch):
        fit(model, *parts, "classification", scratch=tmp_path / "c", **how)
    again = fit(model, *parts, "classification", scratch=tmp_path / "c", **how)
    assert whole.history == again.history
    assert whole.summary == again.summary
    assert whole.run_info["pretraining"] == again.run_info["pretraining"]
    assert save_and_digest(whole, labels, tmp_path / "a") == save_and_digest(
        again, labels, tmp_path / "b"
    )


@pytest.mark.slow
@pytest.mark.parametrize("saves", [3, 4, 6])
def test_goes_on_with_the_masks_of_its_epoch(saves, fit, parts, tmp_path, monkeypatch) -> None:
    """Killed before and behind the middle of an epoch of seven steps."""
    monkeypatch.setattr(checkpoints, "INTERVAL", 0.0)
    dotted = ON | {"pretrain.epochs": 2, "pretrain.batch_size": 4}
    how: dict[str, Any] = {"epochs": 1, "dotted": dotted}
    whole = fit("scratch", *parts, "classification", **how)
    assert whole.summary["pretrain_steps"] == 14
    with kill_after_saves(saves, monkeypatch):
        fit("scratch", *parts, "classification", scratch=tmp_path / "c", **how)
    again = fit("scratch", *parts, "classification", scratch=tmp_path / "c", **how)
    assert whole.run_info["pretraining"] == again.run_info["pretraining"]
    assert whole.summary == again.summary


@pytest.mark.slow
def test_long_texts_are_read_in_pieces(fit, parts) -> None:
    """A text of five times the tokens gives more steps, not a text that is cut off."""
    long = parts[0].assign(text=parts[0]["text"] * 8)
    dotted = {"pretrain.epochs": 1, "pretrain.max_length": 8}
    found = fit("scratch", long, parts[1], "classification", dotted=dotted, epochs=1)
    assert found.summary["pretrain_steps"] > 4 * len(long) / 8


def test_pieces_longer_than_the_model_reads_are_refused(fit, parts) -> None:
    with pytest.raises(FoldlineError, match=r"pretrain.max_length=25 .* set it to 24 or less"):
        fit("scratch", *parts, "classification", dotted=ON | {"pretrain.max_length": 25})
