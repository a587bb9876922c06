"""How torch sums while a model trains, and what is left of it afterwards."""

import pytest
import torch

from foldline.core.errors import FoldlineError
from foldline.models.device import deterministic
from tests.helpers.marks import mark_slow_except

WAYS = ("off", "seeded", "strict")


def determinism_state() -> tuple[bool, bool, int]:
    """Return what torch keeps for the whole process."""
    return (
        torch.are_deterministic_algorithms_enabled(),
        torch.is_deterministic_algorithms_warn_only_enabled(),
        torch.get_num_threads(),
    )


@pytest.mark.parametrize("way", WAYS)
def test_the_process_is_left_as_it_was(way, recipe) -> None:
    before = determinism_state()
    with deterministic(recipe({"train.determinism": way, "train.threads": 2}).train):
        assert torch.get_num_threads() == 2
        assert torch.are_deterministic_algorithms_enabled() == (
            way == "strict" or (way == "seeded" and torch.cuda.is_available())
        )
    assert determinism_state() == before
    with (
        pytest.raises(ValueError, match="mine"),
        deterministic(recipe({"train.determinism": way}).train),
    ):
        raise ValueError("mine")
    assert determinism_state() == before


def test_strict_names_an_operation_that_has_no_fixed_order(recipe) -> None:
    place, value = torch.tensor([0]), torch.ones(1)
    with deterministic(recipe({"train.determinism": "seeded"}).train):
        torch.zeros(3).put_(place, value)
    with (
        pytest.raises(FoldlineError) as found,
        deterministic(recipe({"train.determinism": "strict"}).train),
    ):
        torch.zeros(3).put_(place, value)
    assert "put_ does not have a deterministic implementation" in str(found.value)
    assert "Next: set it to seeded" in str(found.value)


def test_other_errors_pass_strict(recipe) -> None:
    with (
        pytest.raises(RuntimeError, match="must match the size"),
        deterministic(recipe({"train.determinism": "strict"}).train),
    ):
        torch.ones(2) + torch.ones(3)


@pytest.mark.slow
@pytest.mark.skipif(torch.cuda.is_available(), reason="the ways differ on a GPU")
@pytest.mark.parametrize("model", mark_slow_except(["scratch", "pretrained"], ["scratch"]))
def test_on_a_cpu_all_ways_give_the_same_bytes(model, fit, rows) -> None:
    table = rows()
    predictions = [
        fit(model, table[:28], table[28:], "classification", dotted={"train.determinism": way})
        .model.predict(table)
        .tobytes()
        for way in WAYS
    ]
    assert len(set(predictions)) == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("way", ["seeded", "strict"])
def test_on_a_gpu_two_runs_give_the_same_bytes(way, fit, rows) -> None:
    table = rows(n=200)
    how = {"dotted": {"train.determinism": way, "scratch.width": 128}, "epochs": 3}
    first, second = (
        fit("scratch", table[:150], table[150:], "classification", **how).model.predict(table)
        for _ in range(2)
    )
    assert first.tobytes() == second.tobytes()
