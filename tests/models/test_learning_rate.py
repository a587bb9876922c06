"""`lr: auto`: by the size of what is fine-tuned, and recorded."""

import pytest
import torch

from foldline.models.neural import learning_rate


class Encoder(torch.nn.Module):
    """A model of so many weights besides its embeddings, which take no memory."""

    def __init__(self, weights: int, embeddings: int = 1000) -> None:
        super().__init__()
        self.words = torch.nn.Embedding(embeddings, 1, device="meta")
        self.body = torch.nn.Linear(weights, 1, bias=False, device="meta")

    def get_input_embeddings(self) -> torch.nn.Module:
        return self.words


@pytest.mark.parametrize(
    ("weights", "low", "high"),
    [
        (4_000_000, 1e-4, 1e-4),  # smaller than MiniLM
        (11_000_000, 1e-4, 1e-4),  # MiniLM-L6, 22M with embeddings
        (43_000_000, 5.5e-5, 8e-5),  # DistilBERT, 66M
        (86_000_000, 5e-5, 5e-5),  # BERT-base, 110M
        (303_000_000, 2e-5, 2e-5),  # BERT-large, 335M
        (7_000_000_000, 2e-5, 2e-5),
    ],
)
def test_larger_models_get_smaller_rates(weights, low, high, recipe):
    found = learning_rate.suggest_lr(recipe(model="some/model", lr="auto"), Encoder(weights))
    assert low <= found <= high


def test_embeddings_do_not_count(recipe):
    base, multilingual = Encoder(86_000_000), Encoder(86_000_000, embeddings=192_000_000)
    options = recipe(model="some/model", lr="auto")
    assert learning_rate.suggest_lr(options, multilingual) == pytest.approx(
        learning_rate.suggest_lr(options, base)
    )


@pytest.mark.parametrize(
    ("dotted", "found"),
    [
        ({}, 5e-5),
        ({"train.lora": 8}, 5e-4),
        ({"train.trainable_layers": "head"}, 1e-3),
        ({"train.optimizer": "lion"}, 1e-5),
        ({"train.optimizer": "sgd"}, 5e-3),
        ({"model": "scratch"}, 1e-3),
        ({"lr": 3e-4}, 3e-4),
    ],
)
def test_what_is_trained_and_how_counts_too(dotted, found, recipe):
    made = recipe({"model": "some/model", "lr": "auto"} | dotted)
    assert learning_rate.resolve_lr(made, Encoder(86_000_000)).peak_lr == pytest.approx(found)


@pytest.mark.parametrize(
    ("dotted", "warned"),
    [
        ({"lr": 1e-3}, True),
        ({"lr": 5e-4}, True),
        ({"lr": 1e-4}, False),
        ({"lr": "auto"}, False),
        ({"lr": 1e-3, "train.lora": 8}, False),
        ({"lr": 1e-3, "train.trainable_layers": "head"}, False),
        ({"lr": 1e-3, "train.optimizer": "sgd"}, False),
        ({"lr": 1e-3, "model": "scratch"}, False),
    ],
)
def test_a_rate_that_ruins_a_pretrained_model_is_told(dotted, warned, recipe):
    made = recipe({"model": "some/model"} | dotted)
    found = learning_rate.warn_of_high_lr(made, Encoder(86_000_000))
    assert bool(found) == warned
    if warned:
        assert found[0].startswith(f"lr={made.lr:g} is high for fine-tuning some/model")
        assert "`dvc exp run -S lr=auto` takes 5e-05" in found[0]


def test_the_rate_that_auto_took_is_recorded(fit, parts, tiny_bert):
    scratch = fit("scratch", *parts, "classification", epochs=1, lr="auto")
    assert scratch.summary["lr"] == 1e-3
    assert max(row["lr"] for row in scratch.history) <= 1e-3

    dotted = {"pretrain.epochs": 1, "pretrain.lr": "auto"}
    tuned = fit(tiny_bert, *parts, "classification", epochs=1, lr="auto", dotted=dotted)
    assert tuned.summary["lr"] == 1e-4
    assert tuned.notes == []

    assert fit(tiny_bert, *parts, "classification", epochs=1, lr=3e-3).notes != []
