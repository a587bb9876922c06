"""Write the generated tables of the documentation, between `<!-- name -->` and `<!-- /name -->`.

Run `python -m tools.docs` to write them, with `--check` to list the stale pages.
"""

import ast
import json
import re
import sys
from collections.abc import Iterator, Mapping
from functools import reduce
from operator import getitem
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML

PAGES = (
    Path("README.md"),
    Path("README.ko.md"),
    Path("docs/index.md"),
    Path("docs/params.md"),
)

# The outputs of each stage that a reader opens first; `dvc.yaml` has all of them, and the check
# before them, which writes nothing to read.
MAIN_OUTPUTS = {
    "prepare": ["data/prepared.csv", "reports/prepare.json"],
    "split": ["data/train.csv", "data/valid.csv", "data/test.csv", "data/folds.csv"],
    "augment": ["data/train_augmented.csv", "reports/augment.json"],
    "train": ["models/model", "reports/training_curves.svg"],
    "kfold": ["models/folds", "data/predictions/out_of_fold.csv"],
    "ensemble": ["models/ensemble.json"],
    "evaluate": ["data/predictions/test.csv", "reports/evaluation.json"],
    "predict": ["data/predictions/submission.csv"],
}
KOREAN_STAGES = {
    "prepare": "원본 파일을 읽어 행을 검사하고 형식을 통일합니다",
    "split": "행을 학습, 검증, 테스트로 나누고 폴드 번호를 매깁니다",
    "augment": "학습 행을 리샘플링하고 증강합니다",
    "train": "모델과, 모델이 넘어서야 할 기준 모델을 학습합니다",
    "kfold": "교차 검증을 하면서 각 행을 그 행을 보지 않은 모델로 예측합니다",
    "ensemble": "OOF 예측으로 가중치를 정해 모델을 결합합니다",
    "evaluate": "테스트 데이터로 최종 예측을 평가합니다",
    "predict": "레이블이 없는 행을 예측해 제출 파일을 만듭니다",
}
KOREAN_KNOBS = {
    "seed": "난수 시드, 0 이상의 정수",
    "task": "classification(분류) \\| multilabel(다중 레이블 분류) \\| regression(회귀)",
    "model": "모델의 [종류(영어)](docs/models.md), `models/pretrained/` 아래의 폴더, "
    "Hugging Face id, 또는 `components.<이름>`",
    "lr": "트랜스포머의 최대 학습률. auto이면 모델에 맞게 정합니다",
    "epochs": "최대 에폭 수. 조기 종료로 먼저 끝날 수 있습니다",
    "batch_size": "한 번의 옵티마이저 스텝에 쓰는 행 수. "
    "실제로는 여기에 train.accumulation을 곱합니다",
    "max_length": "텍스트나 문장 쌍의 최대 토큰 수. 넘으면 잘라 냅니다",
    "components": "직접 만든 구성 요소의 옵션, 예: {slang: {share: 0.2}}",
}


def read_stages() -> dict[str, Any]:
    """Return the stages of dvc.yaml by name."""
    text = Path("dvc.yaml").read_text(encoding="utf-8")
    stages: dict[str, Any] = YAML(typ="safe").load(text)["stages"]
    return stages


def stage_table(
    header: str = "| stage | what it does | main outputs |",
    descriptions: Mapping[str, str] | None = None,
) -> str:
    """Return a table of the stages: what each does, and its main outputs."""
    rows = [header, "|---|---|---|"]
    stages = read_stages()
    for name in MAIN_OUTPUTS:
        description = descriptions[name] if descriptions else stages[name]["desc"]
        outputs = " ".join(f"`{path}`" for path in MAIN_OUTPUTS[name])
        rows.append(f"| `{name}` | {description} | {outputs} |")
    return "\n".join(rows)


def param_table(top_level_only: bool = False) -> str:
    """Return a table of the keys of params.yaml: each one's value and comment."""
    rows = ["| key | value | meaning |", "|---|---|---|"]
    details = {} if top_level_only else param_details()
    for key, value, comment in param_lines():
        if not (top_level_only and "." in key):
            meaning = ". ".join(filter(None, (comment, details.get(key))))
            rows.append(f"| `{key}` | `{value}` | {meaning} |".replace("|  |", "| |"))
    return "\n".join(rows)


def korean_knob_table() -> str:
    """Return the table of the top-level keys in Korean."""
    rows = ["| 키 | 값 | 뜻 |", "|---|---|---|"]
    for key, value, _ in param_lines():
        if "." not in key:
            rows.append(f"| `{key}` | `{value}` | {KOREAN_KNOBS[key]} |")
    return "\n".join(rows)


def param_lines() -> Iterator[tuple[str, str, str]]:
    """Yield the dotted key, value and comment of each value in params.yaml."""
    text = Path("params.yaml").read_text(encoding="utf-8")
    content = YAML(typ="safe").load(text)
    parents: list[str] = []
    above = ""  # a comment on a line of its own, for the key below it
    for line in text.splitlines():
        match = re.match(r"( *)(\w+):\s*([^#]*?)\s*(?:#\s*(.*))?$", line)
        if not match:
            above = line.partition("# ")[2] if line.lstrip().startswith("# ") else above
            continue
        indent, name, value, comment = match.groups()
        parents = [*parents[: len(indent) // 2], name]
        loaded = reduce(getitem, parents, content)
        if value or not isinstance(loaded, dict):
            comment = re.sub(r"\s*#\s*template:\w+", "", f"# {comment}" if comment else "")
            yield (
                ".".join(parents),
                format_value(value, loaded),
                (comment.removeprefix("# ") or above).replace("|", "\\|"),
            )
        above = ""


def format_value(text: str, value: object) -> str:
    """Return a value as it is typed; `text` is its first line in params.yaml."""
    if value is None:
        return "null"
    if isinstance(value, list) and value:
        return f"[{', '.join(map(str, value))}]"
    quote = text[0] if text[0] in "\"'" else ""
    if quote and not text.endswith(quote):  # goes on in the next line
        return json.dumps(value, ensure_ascii=False)
    return text


def param_details() -> dict[str, str]:
    """Return what the code says of keys of params.yaml: the strings below their fields."""
    classes: dict[str, ast.ClassDef] = {}
    for file in sorted(Path("foldline/core/params").glob("*.py")):
        tree = ast.parse(file.read_text(encoding="utf-8"))
        classes |= {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
    return dict(field_details("Settings", "", classes))


def field_details(
    name: str, before: str, classes: Mapping[str, ast.ClassDef]
) -> Iterator[tuple[str, str]]:
    """Yield the dotted key and the string below each field of a section, and of those in it."""
    section = classes[name]
    for base in section.bases:
        if isinstance(base, ast.Name) and base.id in classes:
            yield from field_details(base.id, before, classes)
    for field, after in zip(section.body, [*section.body[1:], None], strict=True):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        key = before + field.target.id
        if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant):
            yield key, " ".join(str(after.value.value).split())
        if isinstance(field.annotation, ast.Name) and field.annotation.id in classes:
            yield from field_details(field.annotation.id, f"{key}.", classes)


def fill(text: str) -> str:
    """Return a page with its generated tables up to date."""
    tables = {
        "stages": stage_table,
        "stages-ko": lambda: stage_table("| 단계 | 하는 일 | 주요 출력 |", KOREAN_STAGES),
        "knobs": lambda: param_table(top_level_only=True),
        "knobs-ko": korean_knob_table,
        "params": param_table,
    }
    for name, table in tables.items():
        pattern = rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)"
        start, *end = re.split(pattern, text, maxsplit=1, flags=re.DOTALL)
        text = f"{start}{end[0]}{table()}\n{end[1]}{end[2]}" if end else text
    return text


def main() -> None:
    """Write the pages, or list the stale ones."""
    stale = []
    for page in PAGES:
        old = page.read_text(encoding="utf-8")
        new = fill(old)
        if new != old:
            stale.append(str(page))
            if "--check" not in sys.argv:
                page.write_text(new, encoding="utf-8", newline="\n")
    if stale and "--check" in sys.argv:
        raise SystemExit(f"stale: {', '.join(stale)}; run `python -m tools.docs`")


if __name__ == "__main__":
    main()
