"""Files that a project may take along, and the hooks before a commit."""

import json
import re
import shlex
from pathlib import Path

import yaml

ROOT = Path(__file__).resolve().parents[2]
OPTIONAL = ROOT / "template" / "optional"
RUN_PY = r"python run\.py(?: -v)? (\w+)"


def test_the_workflow_tests_runs_and_compares():
    text = (OPTIONAL / "github/workflows/ci.yml").read_text(encoding="utf-8")
    workflow = yaml.load(text, yaml.BaseLoader)  # YAML 1.1 reads the key `on` as True.
    assert set(workflow["on"]) == {"push", "pull_request"}
    assert workflow["permissions"] == {"contents": "read", "pull-requests": "write"}
    assert workflow["concurrency"]["cancel-in-progress"] == "true"
    steps = workflow["jobs"]["test"]["steps"]
    commands = "\n".join(step.get("run", "") for step in steps)
    assert re.findall(RUN_PY, commands) == ["test", "repro", "dvc"]
    assert "metrics diff --md" in commands and "gh pr comment" in commands
    assert "${{" not in commands, "text of others must come in by variables, not as shell code"
    actions = [step["uses"].split("@")[0] for step in steps if "uses" in step]
    assert actions == ["actions/checkout", "actions/setup-python"]


def test_the_devcontainer_makes_the_environment():
    text = (OPTIONAL / "devcontainer/devcontainer.json").read_text(encoding="utf-8")
    container = json.loads(re.sub(r"(?m)^\s*//.*$", "", text))
    assert container["image"].endswith("/python:3.11")
    assert container["postCreateCommand"] == "python run.py -v dvc --version"


def test_hooks_need_no_network():
    text = (ROOT / ".pre-commit-config.yaml").read_text(encoding="utf-8")
    (source,) = yaml.safe_load(text)["repos"]
    assert source["repo"] == "local"
    assert {hook["language"] for hook in source["hooks"]} == {"system", "pygrep"}
    commands = [shlex.split(hook["entry"]) for hook in source["hooks"]]
    assert commands[0][:5] == ["python", "run.py", "ruff", "check", "--force-exclude"]
    assert commands[1][:5] == ["python", "run.py", "ruff", "format", "--check"]
