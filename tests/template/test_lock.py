"""constraints.txt holds the versions of all that pyproject.toml leads to, and nothing else."""

from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tools import lock

ROOT = Path(__file__).resolve().parents[2]


def test_constraints_are_those_of_the_environment(capsys) -> None:
    """Covers all that pyproject.toml leads to; what someone installed besides is theirs."""
    assert lock.main(["--check"]) == 0, capsys.readouterr().err
    names = lock.parse_pins((ROOT / "constraints.txt").read_text()).keys()
    assert [name for name in names if name.startswith(lock.CUDA) or name in ("pip", "wheel")] == []


def test_constraints_satisfy_every_requirement() -> None:
    pins = lock.parse_pins((ROOT / "constraints.txt").read_text())
    for requirement in lock.read_requirements(ROOT / "pyproject.toml"):
        assert requirement.specifier.contains(pins[canonicalize_name(requirement.name)]), str(
            requirement
        )
    assert (pins["torch"], pins["dvc"][:5]) == ("2.13.0", "3.67.")


@pytest.mark.slow
def test_lock_names_what_differs(tmp_path: Path, monkeypatch, capsys) -> None:
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    monkeypatch.setattr(lock, "ROOT", tmp_path)
    assert lock.main([]) == 0
    assert lock.main(["--check"]) == 0
    text = (tmp_path / "constraints.txt").read_text()
    (tmp_path / "constraints.txt").write_text(text.replace("torch==2.13.0", "torch==2.12.0"))
    assert lock.main(["--check"]) == 1
    assert "torch: the file says 2.12.0, the environment 2.13.0" in capsys.readouterr().err


def test_lock_leaves_cuda_and_local_tags_out(monkeypatch) -> None:
    class Package:
        def __init__(self, version: str, *requires: str) -> None:
            self.version, self.requires = version, list(requires)

    packages = {
        "torch": Package("2.13.0+cu130", "nvidia-cublas==13.1; sys_platform != 'none'", "triton"),
        "extra-one": Package("1.0", "inner>=1; extra == 'more'", "absent; extra == 'none'"),
        "inner": Package("3.1"),
    }
    monkeypatch.setattr(lock, "find_distribution", packages.__getitem__)
    versions = lock.resolve_versions([Requirement("torch"), Requirement("Extra_One[more]")])
    assert versions == {"torch": "2.13.0", "extra-one": "1.0", "inner": "3.1"}
