"""Every command that help, a message or a page names exists."""

import argparse
import re
import subprocess
import sys
from pathlib import Path

import pytest

from foldline import cli

FILES = [
    *Path("foldline").rglob("*.py"),
    *Path("stages").glob("*.py"),
    *Path("docs").glob("*.md"),
    *Path("template").rglob("*.md"),
    *Path().glob("*.md"),
    Path("run.py"),
]
# `foldline VERB` in code marks, at the start of a console line, or after "Next:", "python run.py".
VERB = re.compile(r"(?:`|^ *\$? *|Next: |run\.py |\(|: )foldline ([a-z][a-z-]*)", re.M)
OPTION = re.compile(r"foldline ([a-z][a-z-]*)((?: [A-Za-z0-9./~\[\]<>*-]+)*)")
PROSE = {"and", "gets"}
# `dvc VERB`, `dvc exp VERB --option` in code marks, at the start of a line, or after "run".
DVC = re.compile(
    r"(?:`|^ *\$? *|Next: |\brun |run\.py |&& |; )dvc((?: (?!\.\.\.)[A-Za-z0-9./~\[\]<>=*-]+)+)",
    re.M,
)


def named_verbs() -> dict[str, Path]:
    names: dict[str, Path] = {}
    for file in FILES:
        text = file.read_text(encoding="utf-8")
        # Messages are joined from literals, so that a line may end within a command.
        text = re.sub(r'"\s*\n\s*f?"', "", text)
        names |= dict.fromkeys(VERB.findall(text), file)
    return {name: file for name, file in names.items() if name not in PROSE}


def test_every_verb_that_is_named_exists():
    names = named_verbs()

    assert {"import", "check", "doctor", "resolve"} <= set(names)
    assert {name: str(file) for name, file in names.items() if name not in cli.VERBS} == {}


def test_every_option_that_is_named_exists():
    unknown = []
    for file in FILES:
        text = re.sub(r'"\s*\n\s*f?"', "", file.read_text(encoding="utf-8"))
        for verb, words in OPTION.findall(text):
            if verb in cli.VERBS:
                parser = argparse.ArgumentParser()
                cli.VERBS[verb].add_options(parser)
                known = {option for action in parser._actions for option in action.option_strings}
                unknown += [
                    f"{file}: foldline {verb} {word}"
                    for word in words.split()
                    if word.startswith("--") and word not in known
                ]
    assert unknown == []


def test_every_command_of_dvc_that_is_named_exists():
    from dvc.cli.parser import get_main_parser

    parser, unknown, found = get_main_parser(), [], 0
    for file in FILES:
        text = re.sub(r'"\s*\n\s*f?"', "", file.read_text(encoding="utf-8"))
        for command in DVC.findall(text):
            words, found = command.split(), found + 1
            if missing := missing_word(parser, words):
                unknown.append(f"{file}: dvc {' '.join(words)}: {missing}")
    assert found > 100
    assert unknown == []


def missing_word(parser: argparse.ArgumentParser, words: list[str]) -> str | None:
    """Return the first verb or option of a command of DVC that does not exist."""
    options: set[str] = set()
    for word in words:
        known = next((a.choices for a in parser._actions if hasattr(a.choices, "keys")), None)
        options |= set(parser._option_string_actions)
        if word.startswith("-"):
            if word.partition("=")[0] not in options:
                return word
        elif known is not None:
            if word not in known:
                return word
            parser = known[word]
    return None


def test_modules_that_pages_run_exist():
    pages = [file for file in FILES if file.suffix == ".md" or file.name == "run.py"]
    for file in pages:
        for name in re.findall(
            r"python -m ((?:foldline|stages|tools|benchmarks)\S*)", file.read_text()
        ):
            path = Path(*name.strip("`.,;:)]").split("."))
            assert path.with_suffix(".py").exists() or (path / "__main__.py").exists(), (file, name)


@pytest.mark.parametrize("verb", ["doctr", "chek", "reslove"])
def test_a_misspelt_verb_names_the_right_one(verb):
    done = subprocess.run(
        [sys.executable, "-m", "foldline", verb], capture_output=True, text=True, check=False
    )

    assert done.returncode == 1
    assert "did you mean '" in done.stderr
