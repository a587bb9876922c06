"""Write a new project out of this template: the live project's files, a few lines changed.

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

# What belongs to a project, and what is the template's own: each file of the template matches a
# line of one of the two, which a test checks. `*` also stands for slashes; SKIPPED wins.
COPIED = (
    ".dvc/.gitignore",
    ".dvc/config",
    ".dvcignore",
    ".gitattributes",
    ".gitignore",
    ".pre-commit-config.yaml",
    "LICENSE",
    "constraints.txt",
    "dvc.yaml",
    "params.yaml",
    "pyproject.toml",
    "run.py",
    "stages/*",
    "components/*",
    "foldline/*",
    "tests/*",
    "docs/*",
    "data/raw/topics*.csv",
    "data/raw/pairs*.csv",
    "data/README.md",
    "data/llm/README.md",
    "data/*.gitkeep",
    "data/*.gitignore",
    "models/*.gitkeep",
    "models/pretrained/README.md",
    "models/*.gitignore",
    "metrics/*.gitkeep",
    "metrics/*.gitignore",
    "tools/__init__.py",
    "tools/lock.py",
    "tools/make_sample.py",
    "tools/sample_words.py",
)
SKIPPED = (
    "README.md",
    "README.*.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "mkdocs.yml",
    "docs/stylesheets/*",
    "dvc.lock",
    "reports/*",
    "metrics/*.json",
    "models/*.json",
    "benchmarks/*",
    ".ci/*",
    ".github/*",
    "cookiecutter.json",
    "copier.yml",
    "copier/*",
    "hooks/*",
    "foldline_template_root.py",
    "{{cookiecutter.*",
    "tools/bake*.py",
    "tools/project_readme*.md",
    "tools/docs.py",
    "tests/repository/test_benchmarks.py",
    "tests/repository/test_docs.py",
    "tests/stages/test_recorded.py",
    "tests/template/*",
    "tests/helpers/template.py",
)
# Never taken from a folder that is no git checkout, where nothing says what belongs to it.
LITTER = re.compile(r"cache|tmp|__pycache__|\.\w+_cache|\.ipynb_\w+|\.env.*|.*\.(pyc|tmp|swp)|.*~")
UNFINISHED = "GENERATION_DID_NOT_FINISH.txt"
NEXT_STEPS = """
{name}: ready. In its folder:
  python run.py repro     (makes the environment, then runs the pipeline on the sample)
"""


def found_on_disk(template: Path) -> Iterator[str]:
    """Yield the files below the folders that COPIED names, without litter."""
    for top in sorted({pattern.split("/")[0] for pattern in COPIED}):
        if (template / top).is_file():
            yield top
        for folder, folders, names in os.walk(template / top):
            folders[:] = [name for name in folders if not LITTER.fullmatch(name)]
            here = Path(folder).relative_to(template).as_posix()
            yield from (f"{here}/{name}" for name in names if not LITTER.fullmatch(name))


def matches(name: str, patterns: Sequence[str]) -> bool:
    """Tell whether a path matches any of the patterns."""
    return any(fnmatchcase(name, pattern) for pattern in patterns)


def copied_files(template: Path) -> list[str]:
    """Return the paths, with `/`, of what goes into a project; links are left out."""
    known = tracked(template)
    return sorted(
        name
        for name in set(found_on_disk(template) if known is None else known)
        if matches(name, COPIED)
        and not matches(name, SKIPPED)
        and (template / name).is_file()  # git still lists what was deleted on the disk
        and not (template / name).is_symlink()
    )


def filled(text: str, words: Mapping[str, str]) -> str:
    """Put words for each `@key@`, in one go: an answer may itself hold the like of @author@."""
    return re.sub(r"@(\w+)@", lambda found: words[found[1]], text)


def readmes(template: Path, values: Mapping[str, str]) -> Iterator[tuple[str, bytes]]:
    """Yield name and content of README.md and of its twin in the other language."""
    names = {"en": "README.en.md", "ko": "README.ko.md"} | {values["language"]: "README.md"}
    files = {"en": "project_readme.md", "ko": "project_readme.ko.md"}
    for language, other in (("en", "ko"), ("ko", "en")):
        text = (template / "tools" / files[language]).read_bytes().decode()
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
    files = {name: (template / name).read_bytes() for name in copied_files(template)}
    for name in MARKED:
        files[name] = rewritten(name, files[name].decode(), values).encode()
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
    except (AnswerError, GitError, MarkError) as problem:
        say(f"error: {problem}", error=True)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
