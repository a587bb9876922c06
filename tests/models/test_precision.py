"""The numbers that a training calculates in."""

import math

import pytest
import torch

from foldline.models.neural import precision


@pytest.mark.parametrize("has", [False, True])
def test_auto_precision_goes_by_the_machine(has, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(torch.cpu, "_is_avx512_bf16_supported", lambda: has)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: False)
    assert precision.resolve_precision("auto") == ("bfloat16" if has else "float32")
    assert precision.resolve_precision("float32") == "float32"
    assert precision.resolve_precision("bfloat16") == "bfloat16"


@pytest.mark.parametrize(
    ("machine", "amx", "inside"),
    [("x86_64", False, "medium"), ("x86_64", True, "highest"), ("arm64", False, "highest")],
)
def test_fast_float32_rounds_nothing_and_is_put_back(machine, amx, inside, monkeypatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr(precision.platform, "machine", lambda: machine)
    monkeypatch.setattr(torch.cpu, "_is_amx_tile_supported", lambda: amx)
    assert torch.get_float32_matmul_precision() == "highest"
    with precision.fast_float32():
        assert torch.get_float32_matmul_precision() == inside
    assert torch.get_float32_matmul_precision() == "highest"


def test_medium_precision_has_the_same_error() -> None:
    torch.manual_seed(0)
    one, other = torch.randn(64, 256), torch.randn(256, 64)
    exact = one.double() @ other.double()
    with precision.fast_float32():
        found = one @ other
    assert float((found - exact).abs().max()) < 1e-5 * math.sqrt(256)


def test_auto_precision_is_recorded(fit, parts) -> None:
    found = fit("scratch", *parts, "classification", epochs=1, dotted={"train.precision": "auto"})
    assert found.run_info["precision"] == precision.resolve_precision("auto")
