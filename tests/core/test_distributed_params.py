"""train.distributed in params.yaml: what does not fit several processes is refused."""

import json
from functools import reduce
from pathlib import Path
from typing import Any

import pytest

from foldline.core.params import Settings, models
from foldline.core.params.loading import load_params, read_params
from tests.helpers.edited_params import params_error, write_params
from tests.helpers.projects import PARAMS

TWO = {"train.distributed": {"processes": 2, "strategy": "ddp"}}


@pytest.mark.parametrize(
    ("model", "threads"),
    [("scratch", 4), ("models/pretrained/x", 4), ("embed", 8), ("components.own", 8), ("tfidf", 1)],
)
def test_the_processes_of_a_transformer_share_the_cores(
    model, threads, recipe, monkeypatch
) -> None:
    monkeypatch.setattr(models, "count_cores", lambda: 8)
    own = recipe({"train.threads": "auto", **TWO}, model=model)
    assert own.train.cpu_threads == threads
    assert own.processes == (2 if threads == 4 else 1)


def write_options(folder: Path, options: dict[str, Any]) -> Path:
    """Write params.yaml for two processes, with values changed by their dotted keys."""
    content = read_params(PARAMS)
    for key, value in ({"train.distributed.processes": 2} | options).items():
        *sections, name = key.split(".")
        reduce(dict.__getitem__, sections, content)[name] = value
    return write_params(folder, json.dumps(content).encode())


FSDP = {"train.distributed.strategy": "fsdp"}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"train.contrastive": 0.3}, "train.contrastive  compares the rows of whole batches, wh"),
        (FSDP | {"train.ema": 0.9}, "train.ema  0.9 needs whole weights, and distributed"),
        (FSDP | {"train.swa": 0.2}, "train.swa  0.2 needs whole weights"),
        (
            FSDP | {"train.snapshots": 3, "train.schedule": "cosine"},
            "train.snapshots  3 needs whole weights",
        ),
        (FSDP | {"train.soup": 3}, "train.soup  3 needs whole weights"),
        (FSDP | {"train.adversarial": "awp"}, "train.adversarial  awp needs whole weights"),
        (FSDP | {"train.lora": 8, "pretrain.epochs": 1}, "train.lora  8 needs whole weights"),
        (FSDP | {"train.optimizer": "adafactor"}, "train.optimizer  adafactor needs whole"),
        (
            FSDP | {"model": "scratch", "scratch.experts": 2},
            "scratch.experts  2 are counted over validation rows by the whole model, and",
        ),
        (FSDP | {"pretrain.epochs": 1}, "train.distributed.strategy  fsdp cannot shard the tied"),
        (
            FSDP | {"train.distributed.processes": 1},
            "train.distributed.strategy  fsdp shards a model over several processes, and proc",
        ),
        ({"train.distributed.processes": 0}, "train.distributed.processes  must be greater than"),
        (
            {"train.distributed.strategy": "zero"},
            "train.distributed.strategy  must be 'ddp' or 'fsdp' (found 'zero')",
        ),
        (
            {"batch_size": 1},
            "train.distributed.processes  2 processes share the rows of a batch, and batch_size "
            "is 1; set processes to at most 1, or raise batch_size",
        ),
    ],
)
def test_options_that_do_not_fit_several_processes_are_refused(options, message, tmp_path) -> None:
    assert message in params_error(write_options(tmp_path, options))


@pytest.mark.parametrize("options", [{}, FSDP, FSDP | {"train.adversarial": "fgm"}])
def test_several_processes_are_valid(options, tmp_path) -> None:
    assert load_params(Settings, write_options(tmp_path, options)).processes == 2
