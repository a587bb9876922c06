"""The stages prepare, split and augment as processes: light, and the same bytes every time."""

import subprocess
import sys
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from foldline.core.io import schemas

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "transformers", "datasets", "sklearn", "nlpaug", "pyarrow.dataset")


@pytest.fixture
def project(tmp_path):
    """Return a folder with small official files and a params file that names them."""
    raw = tmp_path / "data/raw"
    raw.mkdir(parents=True)
    rows = [f'{n},"text, number {n // 2 * 2}",{"ab"[n // 2 % 2]}' for n in range(60)]
    (raw / "내 자료.csv").write_text("\n".join(["no,본문,답", *rows]), encoding="cp949")
    (raw / "new.jsonl").write_text('{"no": "p", "본문": "x\\ry"}', encoding="utf-8")
    yaml = YAML()
    params = yaml.load(ROOT / "tests" / "params.yaml")
    params["data"] |= {
        "train": "data/raw/내 자료.csv",
        "valid": None,
        "test": None,
        "predict": "data/raw/new.jsonl",
        "id": "no",
        "text": "본문",
        "label": "답",
    }
    params["predict"]["sample_submission"] = None
    yaml.dump(params, tmp_path / "params.yaml")
    return tmp_path


def run_stages(project: Path, *stages: str) -> subprocess.CompletedProcess[str]:
    calls = [f"from stages import {name}; run({name}.main, {name}.Params)" for name in stages]
    lines = [
        f"import sys; sys.path.insert(0, {str(ROOT)!r})",
        "from foldline.core.stage import run",
        *calls,
        f"print([name for name in {HEAVY} if name in sys.modules])",
    ]
    return subprocess.run(
        [sys.executable, "-c", "\n".join(lines)], cwd=project, capture_output=True, text=True,
        encoding="utf-8", check=False,
    )  # fmt: skip


@pytest.mark.slow
def test_light_stages_run_without_heavy_libraries_and_repeat(project):
    written = {}
    for _ in range(2):
        done = run_stages(project, "prepare", "split", "augment")
        assert done.returncode == 0, done.stderr
        assert done.stdout.splitlines()[-1] == "[]"
        files = [path for path in project.rglob("*") if path.is_file()]
        now = {path: path.read_bytes() for path in files}
        assert not written or now == written
        written = now
    parts = [table.path for table in (schemas.TRAIN, schemas.VALID, schemas.TEST)]
    rows = [len((project / path).read_text(encoding="utf-8").splitlines()) - 1 for path in parts]
    assert rows == [36, 12, 12]
    assert "x\ry" in (project / schemas.ORIGINALS.path).read_bytes().decode()


def test_a_mistake_is_one_message(project):
    (project / "data/raw/내 자료.csv").write_bytes(b"")

    done = run_stages(project, "prepare")

    assert done.returncode == 1
    assert "error: data/raw/내 자료.csv is empty (0 bytes)" in done.stderr
    assert "Traceback" not in done.stderr
