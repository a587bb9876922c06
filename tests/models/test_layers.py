"""The layers of a model: found in every family, frozen, started anew."""

from typing import Any

import pytest
import torch

from foldline.core.errors import FoldlineError
from foldline.models.neural import layers
from tests.helpers.tiny_models import CONFIGS, EAGER_ONLY, build_bert


@pytest.mark.parametrize("family", CONFIGS | EAGER_ONLY)
def test_layers_of_every_family(family) -> None:
    from transformers import AutoModelForSequenceClassification

    config = (CONFIGS | EAGER_ONLY)[family]()
    config.num_labels = 3
    model = AutoModelForSequenceClassification.from_config(config)
    count = 1 if family == "albert" else 2  # its two layers share their weights
    depths = layers.parameter_depths(model)
    assert len(layers.encoder_layers(model)) == count
    assert set(depths.values()) == {*range(count + 2)}
    words = [n for n, p in model.named_parameters() if p is model.get_input_embeddings().weight]
    assert [depths[name] for name in words] == [0]
    head = [n for n, p in model.named_parameters() if p is layers.find_head(model).weight]
    assert [depths[name] for name in head] == [count + 1]


def trainable_depths(model: Any) -> set[int]:
    depths = layers.parameter_depths(model)
    return {depths[n] for n, p in model.named_parameters() if p.requires_grad}


@pytest.mark.parametrize(
    ("trainable", "expected"), [("all", {0, 1, 2, 3, 4}), (1, {3, 4}), (2, {2, 3, 4})]
)
def test_layers_from_the_top_are_trained(trainable, expected) -> None:
    model = build_bert(3)
    layers.freeze(model, trainable)
    assert trainable_depths(model) == expected


def test_the_head_alone_is_trained() -> None:
    model = build_bert(3)
    layers.freeze(model, "head")
    free = [n for n, p in model.named_parameters() if p.requires_grad]
    assert free == ["classifier.weight", "classifier.bias"]


@pytest.mark.slow
def test_frozen_layers_stay_as_they_were(fit, parts, tiny_bert) -> None:
    from transformers import AutoModel

    before = AutoModel.from_pretrained(tiny_bert).state_dict()
    found = fit("pretrained", *parts, "classification", dotted={"train.trainable_layers": "head"})
    after = found.model.model.bert.state_dict()
    assert all(torch.equal(after[name], before[name]) for name in before)
    moved = fit("pretrained", *parts, "classification", dotted={"train.trainable_layers": 1})
    after = moved.model.model.bert.state_dict()
    same = {name for name in before if torch.equal(after[name], before[name])}
    assert same == {name for name in before if name.startswith("embeddings.")}


@pytest.mark.parametrize("key", ["trainable_layers", "reinit_layers"])
def test_more_layers_than_there_are(key, fit, parts) -> None:
    with pytest.raises(FoldlineError, match=rf"train.{key}=5: the model has 1 layers"):
        fit("pretrained", *parts, "classification", dotted={f"train.{key}": 5})


def test_top_layers_start_anew(tmp_path) -> None:
    from transformers import AutoModelForSequenceClassification

    build_bert(3).save_pretrained(tmp_path)
    model = AutoModelForSequenceClassification.from_pretrained(tmp_path)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.fill_(3.0)
    torch.manual_seed(0)
    layers.reinitialise(model, 2)
    depths = layers.parameter_depths(model)
    for name, parameter in model.named_parameters():
        anew = depths[name] in (2, 3) or ".pooler." in name
        assert bool((parameter == 3.0).all()) != anew, name
        if anew and name.endswith("dense.weight"):
            spread = float(parameter.detach().std())
            assert spread == pytest.approx(0.02, rel=0.2)  # of BERT's config
        if anew and name.endswith("LayerNorm.weight"):
            assert bool((parameter == 1.0).all())
