"""run.py pins foldline to the wheel in wheels/."""

import json
from pathlib import Path, PureWindowsPath
from types import ModuleType

import pytest

from tests.helpers.run_py import (
    FakeInstaller,
    call,
    posix_only,
    require_foldline,
    sha256,
    write_wheel,
)


@pytest.mark.parametrize(
    ("requirement", "before", "after"),
    [
        ("foldline", "foldline @ ", ""),
        ("foldline[ko, onnx]", "foldline[ko, onnx] @ ", ""),
        (" Foldline [ko] >=1.2,<2", "foldline[ko] @ ", ""),
        ("foldline (==1.2.3)", "foldline @ ", ""),
        ("foldline==1.2.3; os_name == 'nt'", "foldline @ ", " ; os_name == 'nt'"),
    ],
)
def test_foldline_is_pinned_to_the_wheel(run, project, requirement, before, after) -> None:
    wheel = write_wheel(project)
    require_foldline(project, requirement)
    run.prepare_environment()
    uri = f"{wheel.as_uri()}#sha256={sha256(wheel)}"
    assert run.install.commands[-1][-2:] == [f"{before}{uri}{after}", "beta<3"]


@pytest.mark.parametrize("other", ["foldline-extras", "foldline2>1", "foldline @ https://a.org/f"])
def test_other_requirements_stay(run: ModuleType, project: Path, other: str) -> None:
    write_wheel(project)
    require_foldline(project, other)
    run.prepare_environment()
    assert run.install.commands[-1][-2:] == [other, "beta<3"]
    assert "wheel" not in run.make_stamp()


def test_the_uri_of_the_wheel_is_legal_on_every_system(run: ModuleType, tmp_path: Path) -> None:
    class WindowsWheel(PureWindowsPath):
        def read_bytes(self) -> bytes:
            return b""

    name = "foldline-1.0-py3-none-any.whl"
    pinned = run.pin_requirement("foldline", WindowsWheel("C:\\Users\\김 %", name))
    assert pinned.startswith(f"foldline @ file:///C:/Users/%EA%B9%80%20%25/{name}#sha256=e3b0c44")


@pytest.mark.parametrize("uv", [True, False])
def test_a_replaced_wheel_is_installed_again(run, project: Path, uv: bool) -> None:
    if uv:
        run.shutil.which = lambda name, path=None: f"/somewhere/{name}"
    write_wheel(project, text="one")
    require_foldline(project)
    run.prepare_environment()
    steps = len(run.install.commands)
    wheel = write_wheel(project, text="two")
    venv = run.prepare_environment()
    assert json.loads((venv / run.STAMP).read_text())["wheel"] == sha256(wheel)
    pinned = f"foldline @ {wheel.as_uri()}#sha256={sha256(wheel)}"
    new = run.install.commands[steps:]
    if uv:
        assert new[0][5:7] == ["--reinstall-package", "foldline"]
    else:
        assert new[-2][-3:] == ["--force-reinstall", "--no-deps", pinned]
    assert run.install.count("venv") == 1
    run.prepare_environment()
    assert run.install.commands[steps:] == new


@pytest.mark.parametrize("step", ["--force-reinstall", "-c"])
def test_an_interrupted_exchange_of_the_wheel_is_not_trusted(run, project, step: str) -> None:
    first = write_wheel(project, text="one").read_bytes()
    require_foldline(project)
    run.prepare_environment()
    wheel = write_wheel(project, text="two")
    run.install = FakeInstaller(fails=step)
    with pytest.raises(KeyboardInterrupt):
        run.prepare_environment()
    wheel.write_bytes(first)
    run.install = FakeInstaller()
    run.prepare_environment()
    assert run.install.count("venv") == 1


def test_several_wheels_or_none_are_refused(run: ModuleType, project: Path) -> None:
    require_foldline(project)
    with pytest.raises(run.SetupError, match=r"holds no foldline-.*\nNext: git checkout -- wheels"):
        run.prepare_environment()
    for version in ("0.10.0", "0.9.0", "0.10.0rc1"):
        write_wheel(project, version)
    with pytest.raises(run.SetupError) as error:
        run.prepare_environment()
    names = [f"wheels/foldline-{v}-py3-none-any.whl" for v in ("0.9.0", "0.10.0rc1", "0.10.0")]
    assert ", ".join(names) in str(error.value)
    assert str(error.value).endswith(f"keep the newest, delete {names[0]}, {names[1]}")
    assert run.install.commands == []


@pytest.mark.slow
@posix_only
def test_pip_records_the_wheel_and_exchanges_it(tmp_path: Path, project: Path, machine) -> None:
    project = project.rename(tmp_path / "내 project")
    require_foldline(project, dev="")
    offline = {"PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1"}
    for text in ("one", "two"):
        wheel = write_wheel(project, text=text)
        result = call(project, machine, "foldline", **offline)
        assert (result.stdout, result.returncode) == (f"{text}\n", 0), result.stderr
        (record,) = (project / ".venv").glob("lib/*/site-packages/foldline-*/direct_url.json")
        source = json.loads(record.read_text())
        assert source["url"] == wheel.as_uri()
        assert source["archive_info"]["hashes"] == {"sha256": sha256(wheel)}
