"""The model card of a run, in the format of the Hugging Face Hub (Mitchell et al., 2019)."""

from html import escape
from typing import Any

PIPELINES = {"classification": "text-classification", "multilabel": "text-classification"}
# Names of metrics that the Hub knows.
HUB_METRICS = {"accuracy": "accuracy", "f1_macro": "f1", "pearson": "pearsonr", "rmse": "rmse"}
MOST = 8  # lines of a list


def render_model_card(facts: dict[str, Any]) -> str:
    """Return the card: metadata for the Hub, then what the report states, in words."""
    from huggingface_hub import EvalResult, ModelCardData

    task, part = facts["task"], facts["judged"]
    pipeline = PIPELINES.get(task, "text-classification")
    results = [
        EvalResult(
            task_type=pipeline,
            dataset_type=facts["project"],
            dataset_name=f"{facts['project']} ({part.replace('_', ' ')} rows)",
            metric_type=HUB_METRICS.get(name, name),
            metric_name=name,
            metric_value=round(value, 4),
        )
        for name, value in facts["metrics"].items()
        if value is not None
    ]
    data = ModelCardData(
        library_name="foldline", pipeline_tag=pipeline, model_name=facts["project"],
        tags=["foldline", task], eval_results=results,
    )  # fmt: skip
    sections = [
        f"# {facts['project']}",
        _describe_model(facts),
        "## Evaluation",
        *_describe_evaluation(facts),
        "## Limitations",
        *_describe_limitations(facts["evaluation"]),
        "## Training data",
        *_describe_data(facts),
        "## To repeat it",
        _describe_repeat(facts["run"]),
    ]
    return f"---\n{data.to_yaml().strip()}\n---\n\n" + "\n\n".join(sections) + "\n"


def _describe_model(facts: dict[str, Any]) -> str:
    params, ensemble = facts["run"]["params"], facts["ensemble"]
    members = [f"`{name}`" for name in ensemble.get("members", {})]
    classes = f" It tells {len(facts['classes'])} classes apart." if facts["classes"] else ""
    return (
        f"A model for text {facts['task']}, made with Foldline: `{params['model']}`"
        + (f", combined by `{ensemble['method']}` with {', '.join(members)}" if members[1:] else "")
        + f".{classes}"
    )


def _describe_evaluation(facts: dict[str, Any]) -> list[str]:
    part, rows = facts["judged"].replace("_", " "), facts["evaluation"].get("interval", {})
    lines = [f"| metric ({part}) | score | interval |", "|---|---|---|"]
    for name, value in facts["metrics"].items():
        own = rows.get(name, {})
        if value is not None:
            lines.append(f"| {name} | {value:.4f} | {_format_interval(own)} |")
    metric = facts["metric"]
    found = facts["evaluation"].get("comparisons", [])
    verdicts = [
        f"- `{own['name']}` ({own['kind']}): {own['verdict']}, {metric} {own['difference']:+.4f} "
        f"{_format_interval(own)}"
        for own in found
        if own.get("verdict")
    ]
    return ["\n".join(lines), f"The model compared with others, by {metric}:", "\n".join(verdicts)]


def _describe_limitations(evaluation: dict[str, Any]) -> list[str]:
    lines = []
    slices = evaluation.get("slices") or {}
    worse = [own for own in slices.get("established", []) if own["difference"] > 0]
    lines += [
        f"- {slices['measure'].replace('_', ' ')} {own['value']:.3f} where {escape(own['name'])} "
        f"({own['rows']} rows), {own['rest']:.3f} elsewhere"
        for own in worse[:MOST]
    ]
    tests = sorted((evaluation.get("behaviour") or {}).get("tests", []), key=_pass_rate)
    lines += [
        f"- passes {own['pass_rate']:.0%} of {own['count']} cases of {escape(own['name'])} "
        f"({own['kind']})"
        for own in tests[:MOST]
        if own["failed"]
    ]
    shift = evaluation.get("prior_shift") or {}
    if shift.get("established"):
        lines.append("- the rows to predict have other class shares than the training rows")
    return ["\n".join(lines) or "Nothing was established beyond the scores above."]


def _pass_rate(test: dict[str, Any]) -> float:
    return float(test["pass_rate"])


def _describe_data(facts: dict[str, Any]) -> list[str]:
    prepare, split = facts["quality"]["prepare"], facts["quality"]["split"]
    files = [f"- `{path}` (MD5 `{md5}`)" for path, md5 in facts["run"]["files"]]
    names = ("train", "valid", "test")
    counts = ", ".join(f"{split[name]} {name}" for name in names if split.get(name))
    crossing = split.get("crossing_test", 0)
    return [
        "\n".join(files),
        f"{prepare.get('rows', 0)} rows: {counts}. {prepare.get('grouped_rows', 0)} stand in "
        f"groups of duplicates; {crossing} test rows have a duplicate on the other side.",
    ]


def _describe_repeat(run: dict[str, Any]) -> str:
    keys = [f"`{key}: {now}`" for key, _, now in run["changes"]]
    changed = f", with {', '.join(keys)}" if keys else ""
    return f"Commit `{run['commit']}`{changed}; then `dvc repro`."


def _format_interval(own: dict[str, Any]) -> str:
    low, high = own.get("low"), own.get("high")
    return "" if low is None or high is None else f"[{low:.4f}, {high:.4f}]"
