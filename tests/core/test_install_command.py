"""The command that installs a package into this environment works in each kind of environment."""

import os
import re
import shlex
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from foldline.augmentation import korean_words
from foldline.core import environment
from foldline.encoders import hub
from foldline.models.neural import lora
from foldline.onnx import graph
from foldline.project import doctor

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("installer", ["pip", "uv", "another pip"])
def test_the_installer_is_one_that_this_environment_has(installer, monkeypatch) -> None:
    python = shlex.quote(sys.executable)
    monkeypatch.setattr(environment, "find_spec", lambda name: installer == "pip" or None)
    monkeypatch.setattr(environment.shutil, "which", lambda name: installer == "uv" or None)
    start = {
        "pip": f"{python} -m pip install",
        "uv": f"uv pip install --python {python}",
        "another pip": f"-m pip --python {python} install",
    }[installer]
    assert environment.install_command("a", "b").endswith(f"{start} -c constraints.txt a b")


@pytest.mark.parametrize("module", [lora, korean_words, graph, hub, doctor])
def test_no_message_names_another_installer(module) -> None:
    """`pip install` alone would go to another environment where none is activated."""
    assert "pip install" not in Path(module.__file__).read_text(encoding="utf-8")


def test_the_packages_that_messages_name_are_pinned() -> None:
    pins = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    for name in ("peft", "kiwipiepy", *graph.PACKAGES, *hub.SENTENCEPIECE):
        assert re.search(rf"^{name}==", pins, re.MULTILINE), name


@pytest.mark.slow
@pytest.mark.skipif(os.name == "nt", reason="runs the line of a shell")
@pytest.mark.parametrize("options", [[], ["--without-pip"]])
def test_the_command_installs(options, tmp_path) -> None:
    """As run.py makes environments: by pip with one, by uv without."""
    subprocess.run([sys.executable, "-m", "venv", *options, tmp_path / "a b"], check=True)
    wheel = tmp_path / "sample_package-1.0-py3-none-any.whl"
    files = {
        "METADATA": "Metadata-Version: 2.1\nName: sample-package\nVersion: 1.0\n",
        "WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        "RECORD": "",
    }
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("sample_package.py", "")
        for name, content in files.items():
            archive.writestr(f"sample_package-1.0.dist-info/{name}", content)
    (tmp_path / "constraints.txt").write_text("sample-package==1.0\n")
    python = tmp_path / "a b/bin/python"
    code = "from foldline.core.environment import install_command as i; print(i('sample-package'))"
    settings = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "PIP_NO_INDEX": "1"}
    settings |= {"PIP_FIND_LINKS": str(tmp_path), "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    command = subprocess.run(
        [python, "-c", code], env=settings, capture_output=True, text=True, check=True
    ).stdout
    del settings["PYTHONPATH"]
    subprocess.run(command, shell=True, cwd=tmp_path, env=settings, check=True)
    subprocess.run([python, "-c", "import sample_package"], check=True)
