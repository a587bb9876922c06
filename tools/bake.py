"""Write a new project: files of the live one, a few lines changed, and the library as a wheel.

    python -m tools.bake TARGET ANSWERS     write it; ANSWERS is a JSON object
    python -m tools.bake --check ANSWERS    only judge the answers

hooks/ (cookiecutter) and copier.yml (copier) call it with their own Python: hence it, and what
it imports, needs nothing but the standard library.
"""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from tools.bake_answers import AnswerError, check, project_values
from tools.bake_git import GitError, first_commit, origin, tracked
from tools.bake_marks import MARKED, MarkError, quoted, rewritten
from tools.build_wheel import WheelError, wheel

# What belongs to a project, and what is the template's own: each file of the template matches a
# line of one of the two, which a test checks. `*` also stands for slashes; SKIPPED wins.
COPIED = (
    ".dvc/.gitignore",
    ".dvc/config",
    ".dvcignore",
    ".gitattributes",
    ".gitignore",
    "LICENSE",
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
# Files that stand elsewhere in the template than in a project.
MOVED = {
    "pyproject.toml": "template/pyproject.toml",
    "data/README.md": "template/data/README.md",
}
SAMPLES = {"classification": "data/raw/topics", "regression": "data/raw/pairs"}
# The files that each answer to `automation` adds, where they stand in the template.
WORKFLOW = {".github/workflows/ci.yml": "template/optional/github/workflows/ci.yml"}
CONTAINER = {".devcontainer/devcontainer.json": "template/optional/devcontainer/devcontainer.json"}
HOOKS = {".pre-commit-config.yaml": ".pre-commit-config.yaml"}
AUTOMATION = {
    "none": {},
    "pre-commit": HOOKS,
    "github": HOOKS | WORKFLOW,
    "all": HOOKS | WORKFLOW | CONTAINER,
}
# In a project stages depend on the library's wheel, in the template on folders of its source.
FOLDERS = re.compile(r"(?m)(?:^( +)- foldline/\S+\n)+")
# Never taken from a folder that is no git checkout, where nothing says what belongs to it.
LITTER = re.compile(r"cache|tmp|__pycache__|\.\w+_cache|\.ipynb_\w+|\.env.*|.*\.(pyc|tmp|swp)|.*~")
UNFINISHED = "GENERATION_DID_NOT_FINISH.txt"
NEXT_STEPS = """
{name}: ready. In its folder:
  python run.py repro     (makes the environment, then runs the pipeline on the sample)
"""


def found_on_disk(template: Path) -> Iterator[str]:
    """Yield the files below the folders that COPIED and SKIPPED name, without litter."""
    for top in sorted({pattern.split("/")[0] for pattern in (*COPIED, *SKIPPED)}):
        if (template / top).is_file():
            yield top
        for folder, folders, names in os.walk(template / top):
            folders[:] = [name for name in folders if not LITTER.fullmatch(name)]
            here = Path(folder).relative_to(template).as_posix()
            yield from (f"{here}/{name}" for name in names if not LITTER.fullmatch(name))


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a path matches any of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def template_files(template: Path) -> list[str]:
    """Return the paths, with `/`, of the template's files; links and litter are left out."""
    known = tracked(template)
    return sorted(
        name
        for name in set(found_on_disk(template) if known is None else known)
        if (template / name).is_file()  # git still lists what was deleted on the disk
        and not (template / name).is_symlink()
    )


def copied_files(template: Path, values: Mapping[str, str]) -> dict[str, str]:
    """Return the paths of what goes into a project, each with its path in the template."""
    names = template_files(template)
    copied = {name: name for name in names if matches(name, COPIED)}
    copied |= {name: name for name in names if name.startswith(SAMPLES[values["task"]])}
    tests = [name for name in names if name.startswith("tests/project/")]
    copied |= {name.replace("tests/project/", "tests/"): name for name in tests}
    return copied | MOVED | AUTOMATION[values["automation"]]


def library_wheel(template: Path) -> tuple[str, bytes]:
    """Return the path in a project and the content of the library's wheel."""
    names = [name for name in template_files(template) if name.startswith("foldline/")]
    name, content = wheel(template, names)
    return f"wheels/{name}", content


def with_wheel(pipeline: str, name: str) -> str:
    """Return dvc.yaml with one dependency on the wheel in place of those on source folders."""
    return FOLDERS.sub(rf"\1- {name}\n", pipeline)


def filled(text: str, words: Mapping[str, str]) -> str:
    """Put words for each `@key@`, in one go: an answer may itself hold the like of @author@."""
    return re.sub(r"@(\w+)@", lambda found: words[found[1]], text)


def readmes(template: Path, values: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of README.md and of its twin in the other language."""
    names = {"en": "README.en.md", "ko": "README.ko.md"} | {values["language"]: "README.md"}
    files = {"en": "README.md", "ko": "README.ko.md"}
    for language, other in (("en", "ko"), ("ko", "en")):
        text = (template / "template" / files[language]).read_bytes().decode()
        words = {**values, "other_readme": names[other]}
        yield names[language], filled(text, words).encode()


def answers_file(template: Path, answers: Mapping[str, str]) -> bytes:
    """Return the content of .copier-answers.yml."""
    source = origin(template)
    lines = ["# Written by the template, read by `copier update`. Changes made by hand are lost."]
    if not source:
        lines.append("# Made from an archive without a version: `copier update` cannot be used.")
    lines += [f"{key}: {quoted(value)}" for key, value in {**source, **answers}.items()]
    return ("\n".join(lines) + "\n").encode()


def write(path: Path, content: bytes) -> None:
    """Write a file, executable where it begins like a script: a zip does not say which are."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    if content.startswith(b"#!"):
        mode = path.stat().st_mode
        path.chmod(mode | (mode & 0o444) >> 2)


def bake(template: Path, target: Path, answers: Mapping[str, str]) -> None:
    """Write the project that `answers` describe into `target`, and commit it.

    copier, known by its `_src_path` and `_commit`, writes the answers' file and leaves git to
    the user; it also calls this for each side of an update.
    """
    check(template, answers)
    asked = {key: answer for key, answer in answers.items() if not key.startswith("_")}
    values = project_values(asked)
    sources = copied_files(template, values)
    files = {name: (template / source).read_bytes() for name, source in sources.items()}
    for name in MARKED:
        files[name] = rewritten(name, files[name].decode(), values).encode()
    library, content = library_wheel(template)
    files["dvc.yaml"] = with_wheel(files["dvc.yaml"].decode(), library).encode()
    files[library] = content
    files |= readmes(template, values)
    if "_src_path" not in answers:
        files[".copier-answers.yml"] = answers_file(template, {key: values[key] for key in asked})
    for name, content in files.items():
        write(target / name, content)
    (target / UNFINISHED).unlink(missing_ok=True)
    if "_commit" not in answers:
        left_to_do = first_commit(target, sorted(files))
        say(NEXT_STEPS.format(name=target.name) + left_to_do)


def say(text: str, error: bool = False) -> None:
    """Print in ASCII, which every console can show."""
    print(text.encode("ascii", "backslashreplace").decode(), file=sys.stderr if error else None)


def main(arguments: Sequence[str]) -> int:
    """Do what the module's docstring says; return the exit status."""
    template = Path(__file__).resolve().parents[1]
    target, text = arguments
    # cookiecutter hands over more than the answers: lists, and null where there is no --checkout.
    answers = {k: v for k, v in json.loads(text).items() if isinstance(v, str)}
    try:
        if target == "--check":
            check(template, answers)
        else:
            bake(template, Path(target).resolve(), answers)
    except (AnswerError, GitError, MarkError, WheelError) as problem:
        say(f"error: {problem}", error=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
