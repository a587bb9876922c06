"""Generate a project: files of the template, a few lines changed, and the library as a wheel.

    python -m tools.bake TARGET ANSWERS     write it; ANSWERS is a JSON object
    python -m tools.bake --check ANSWERS    only check the answers

hooks/ (cookiecutter) and copier.yml (copier) run it with their own Python, so it and its imports
use only the standard library.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from tools.bake_answers import AnswerError, check_answers, check_folder, project_values
from tools.bake_git import GitError, describe_origin, list_tracked_files, make_first_commit
from tools.bake_marks import MARKED_KEYS, MarkError, quote, rewrite_marked_lines
from tools.build_wheel import WheelError, build_wheel

# What belongs to a project, and what is the template's own: each file of the template matches a
# line of one of the two, which a test checks. `*` also stands for slashes; SKIPPED wins.
COPIED = (
    ".dvc/.gitignore",
    ".dvc/config",
    ".dvcignore",
    ".gitattributes",
    ".gitignore",
    "constraints.txt",
    "dvc.yaml",
    "params.yaml",
    "run.py",
    "stages/*",
    "components/*",
    "docs/components.md",
    "docs/models.md",
    "docs/params.md",
    "docs/params.schema.json",
    "data/llm/README.md",
    "data/*.gitignore",
    "models/pretrained/README.md",
    "models/*.gitignore",
)
SKIPPED = (
    ".ci/*",
    ".github/*",
    ".pre-commit-config.yaml",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "README.*md",
    "benchmarks/*",
    "cookiecutter.json",
    "copier.yml",
    "copier/*",
    "data/README.md",
    "data/raw/*",
    "docs/*",
    "dvc.lock",
    "foldline/*",
    "foldline_template_root.py",
    "hooks/*",
    "metrics/*",
    "mkdocs.yml",
    "models/*.json",
    "pyproject.toml",
    "reports/*",
    "template/*",
    "tests/*",
    "tools/*",
    "{{cookiecutter.*",
)
# Project files whose path in the template differs.
MOVED = {
    "pyproject.toml": "template/pyproject.toml",
    "data/README.md": "template/data/README.md",
}
SAMPLES = {"classification": "data/raw/topics", "regression": "data/raw/pairs"}
# The files that each answer to `automation` adds, with their paths in the template.
WORKFLOW = {".github/workflows/ci.yml": "template/optional/github/workflows/ci.yml"}
CONTAINER = {".devcontainer/devcontainer.json": "template/optional/devcontainer/devcontainer.json"}
HOOKS = {".pre-commit-config.yaml": ".pre-commit-config.yaml"}
AUTOMATION = {
    "none": {},
    "pre-commit": HOOKS,
    "github": HOOKS | WORKFLOW,
    "all": HOOKS | WORKFLOW | CONTAINER,
}
# Stages depend on the library's wheel in a project, on its source folders in the template.
FOLDERS = re.compile(r"(?m)(?:^( +)- foldline/\S+\r?\n)+")
# Ignored in a folder that is not a git checkout, where untracked files cannot be told apart.
LITTER = re.compile(
    r"cache|tmp|__pycache__|\.(\w+_)?cache|\.ipynb_\w+|\.env.*|.*\.(pyc|tmp|swp)|.*~"
)
TEMPLATE_LICENSE = "Files of the template, such as run.py and stages/, stay under its own licence:"
UNFINISHED = "GENERATION_DID_NOT_FINISH.txt"
NEXT_STEPS = """
{name}: ready. Next:
  cd {name}
  python run.py repro          (makes .venv, then runs the pipeline on the sample)
  source .venv/bin/activate    (then type dvc and foldline as they are)
"""


class BakeError(Exception):
    """A template that is not as expected; the message is one line of ASCII."""


def walk_files(template: Path) -> Iterator[str]:
    """Yield the files below the folders that COPIED and SKIPPED name, without litter."""
    for entry in sorted({pattern.split("/")[0] for pattern in (*COPIED, *SKIPPED)}):
        if (template / entry).is_file():
            yield entry
        for folder, folders, names in os.walk(template / entry):
            folders[:] = [name for name in folders if not LITTER.fullmatch(name)]
            parent = Path(folder).relative_to(template).as_posix()
            yield from (f"{parent}/{name}" for name in names if not LITTER.fullmatch(name))


def matches_any(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a path matches any of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def list_template_files(template: Path) -> list[str]:
    """Return the paths of the template's files, with `/`, without links and litter."""
    tracked_files = list_tracked_files(template)
    return sorted(
        name
        for name in set(walk_files(template) if tracked_files is None else tracked_files)
        if (template / name).is_file()  # git also lists files deleted from the disk
        and not (template / name).is_symlink()
    )


def list_project_files(template: Path, values: Mapping[str, str]) -> dict[str, str]:
    """Return the paths of a project's files, each with its path in the template."""
    names = list_template_files(template)
    copied = {name: name for name in names if matches_any(name, COPIED)}
    copied |= {name: name for name in names if name.startswith(SAMPLES[values["task"]])}
    tests = [name for name in names if name.startswith("tests/project/")]
    copied |= {name.replace("tests/project/", "tests/"): name for name in tests}
    return copied | MOVED | AUTOMATION[values["automation"]]


def build_library_wheel(template: Path) -> tuple[str, bytes]:
    """Return the path in a project, and the content, of the library's wheel."""
    names = [name for name in list_template_files(template) if name.startswith("foldline/")]
    name, content = build_wheel(template, names)
    return f"wheels/{name}", content


def depend_on_wheel(pipeline: str, name: str) -> str:
    """Return dvc.yaml with a dependency on the wheel instead of the source folders."""
    return FOLDERS.sub(rf"\1- {name}\n", pipeline)


def fill_placeholders(text: str, values: Mapping[str, str]) -> str:
    """Return the text with each `@key@` replaced, once: an answer may itself hold `@author@`."""
    return re.sub(r"@(\w+)@", lambda match: values[match[1]], text)


def render_readmes(template: Path, values: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of README.md and of the README in the other language."""
    names = {"en": "README.en.md", "ko": "README.ko.md"} | {values["language"]: "README.md"}
    files = {"en": "README.md", "ko": "README.ko.md"}
    for language, other in (("en", "ko"), ("ko", "en")):
        text = (template / "template" / files[language]).read_bytes().decode()
        words = {**values, "other_readme": names[other]}
        yield names[language], fill_placeholders(text, words).encode()


def render_license(template: Path, values: Mapping[str, str]) -> bytes:
    """Return the content of LICENSE: the author's, with the notice of the template's own files.

    Raises:
        BakeError: where the template's LICENSE has no copyright line.
    """
    text = (template / "LICENSE").read_bytes().decode()
    notice = re.search(r"(?m)^Copyright \(c\) (\d{4}) .+$", text)
    if notice is None:
        raise BakeError("LICENSE has no line `Copyright (c) YEAR NAME`")
    own = f"Copyright (c) {notice[1]} {values['author']}"
    if values["license"] == "MIT":
        return text.replace(notice[0], f"{own}\n{notice[0]}", 1).encode()
    return f"{own}. All rights reserved.\n\n{TEMPLATE_LICENSE}\n\n{text}".encode()


def render_answers(template: Path, answers: Mapping[str, str]) -> bytes:
    """Return the content of .copier-answers.yml."""
    source = describe_origin(template)
    lines = ["# Written by the template, read by `copier update`. Changes made by hand are lost."]
    if not source:
        lines.append("# Made from an archive without a version: `copier update` cannot be used.")
    lines += [f"{key}: {quote(value)}" for key, value in {**source, **answers}.items()]
    return ("\n".join(lines) + "\n").encode()


def write_file(path: Path, content: bytes) -> None:
    """Write a file; make it executable if it is a script, since a zip may lose the mode."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if content.startswith(b"#!"):
        mode = path.stat().st_mode
        path.chmod(mode | (mode & 0o444) >> 2)


def bake(template: Path, target: Path, answers: Mapping[str, str]) -> None:
    """Write the project that `answers` describe to `target`, and commit it.

    copier, recognised by `_src_path` and `_commit`, writes the answers file itself and leaves git
    to the user; it also calls this for both sides of an update.
    """
    check_answers(template, answers)
    project_answers = {key: answer for key, answer in answers.items() if not key.startswith("_")}
    values = project_values(project_answers)
    sources = list_project_files(template, values)
    files = {name: (template / source).read_bytes() for name, source in sources.items()}
    for name in MARKED_KEYS:
        files[name] = rewrite_marked_lines(name, files[name].decode(), values).encode()
    library, content = build_library_wheel(template)
    files["dvc.yaml"] = depend_on_wheel(files["dvc.yaml"].decode(), library).encode()
    files[library] = content
    files |= render_readmes(template, values)
    files["LICENSE"] = render_license(template, values)
    if "_src_path" not in answers:
        files[".copier-answers.yml"] = render_answers(
            template, {key: values[key] for key in project_answers}
        )
    for name, content in files.items():
        write_file(target / name, content)
    (target / UNFINISHED).unlink(missing_ok=True)
    if "_commit" not in answers:
        next_step = make_first_commit(target, sorted(files))
        print_ascii(NEXT_STEPS.format(name=target.name) + next_step)


def print_ascii(text: str, error: bool = False) -> None:
    """Print text in ASCII, which every console supports."""
    print(text.encode("ascii", "backslashreplace").decode(), file=sys.stderr if error else None)


def main(arguments: Sequence[str]) -> int:
    """Run the command; return the exit status."""
    template = Path(__file__).resolve().parents[1]
    target, text = arguments
    # cookiecutter also passes lists, and null for a missing --checkout.
    answers = {k: v for k, v in json.loads(text).items() if isinstance(v, str)}
    try:
        check_folder(Path.cwd() if target == "--check" else Path(target).resolve())
        if target == "--check":
            check_answers(template, answers)
        else:
            bake(template, Path(target).resolve(), answers)
    except (AnswerError, BakeError, GitError, MarkError, WheelError) as problem:
        print_ascii(f"error: {problem}", error=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
