"""Checks of dvc.yaml against params.yaml and the project's files."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

from foldline.core.errors import FoldlineError, closest_name

PIPELINE = Path("dvc.yaml")


def check_pipeline(content: dict[str, Any]) -> None:
    """Check that what the stages of dvc.yaml declare exists.

    DVC notices it too, but only when it comes to the stage.

    Raises:
        FoldlineError: naming all stages and the key or the file that is missing.
    """
    stages = read_pipeline().get("stages") or {}
    outs = {path for stage in stages.values() for path in list_paths(stage, "outs", "metrics")}
    problems = [
        f"  stages.{name}: {problem}"
        for name, stage in stages.items()
        for problem in [*_find_params(stage, content), *_find_deps(stage, outs)]
    ]
    if problems:
        count = f"{len(problems)} problem{'s' if len(problems) > 1 else ''}"
        raise FoldlineError("\n".join([f"{PIPELINE}: {count}", *problems]))


def read_pipeline() -> dict[str, Any]:
    """Return the content of dvc.yaml.

    Raises:
        FoldlineError: where it is missing or not YAML.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        content = yaml.load(PIPELINE.read_text(encoding="utf-8"), Loader=loader)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise FoldlineError(
            f"{PIPELINE} cannot be read: {' '.join(str(error).split())}. Correct it, or "
            f"`git restore {PIPELINE}` brings the committed one back"
        ) from error
    return content if isinstance(content, dict) else {}


def list_paths(stage: Any, *kinds: str) -> list[str]:
    """Return the paths that a stage declares as `deps`, `outs` or `metrics`."""
    items = [item for kind in kinds for item in (stage.get(kind) or []) if item]
    return [str(next(iter(item))) if isinstance(item, dict) else str(item) for item in items]


def _find_params(stage: Any, content: dict[str, Any]) -> Iterator[str]:
    for key in stage.get("params") or []:
        name = str(key).split(".")[0]
        if isinstance(key, str) and name not in content:
            close = closest_name(name, content)
            hint = f"; did you mean '{close}'?" if close else ""
            yield f"params names '{name}', which params.yaml lacks{hint}"


def _find_deps(stage: Any, outs: set[str]) -> Iterator[str]:
    for path in list_paths(stage, "deps"):
        inside = any(
            Path(path).is_relative_to(out) or Path(out).is_relative_to(path) for out in outs
        )
        if not inside and "$" not in path and "://" not in path and not Path(path).exists():
            yield f"deps names {path}, which does not exist. Next: `git restore {path}`"
