"""Packs of behavioural tests: YAML files with lexicons, names of classes, and tests."""

import re
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, model_validator

from foldline.core.errors import FoldlineError, closest_name, listing, unknown_name
from foldline.core.io.components import is_component
from foldline.core.params.base import Section
from foldline.core.params.error_messages import format_problems, list_problems
from foldline.core.params.value_types import OpenShare, Share
from foldline.core.yaml_files import read_yaml
from foldline.evaluation.behaviour.perturbations import PERTURBATIONS, SHARED

SHIPPED = {path.stem: path for path in sorted(Path(__file__).parent.glob("packs/*.yaml"))}
VALUE = "value"  # what `raises` and `lowers` name for regression
SLOT = re.compile(r"\{(\w+)\}")

Text = Annotated[str, Field(min_length=1)]
Texts = Annotated[list[Text], Field(min_length=1)]
Template = Text | Annotated[list[Text], Field(min_length=2, max_length=2)]
CHANGES, RATED = {"perturb", "swap", "add"}, {"requires", "min_pass_rate"}
# The keys that a kind needs one of, and further ones that it reads.
KEYS: dict[str, tuple[tuple[set[str], ...], set[str]]] = {
    "minimum_functionality": (({"templates"}, {"expect", "between"}), RATED),
    "invariance": ((CHANGES,), {"templates", "share", "tolerance"} | RATED),
    "sensitive": (({"swap"},), {"templates", "tolerance"} | RATED),
    "directional": (
        (CHANGES, {"raises", "lowers"}),
        {"templates", "share", "tolerance"} | RATED,
    ),
    "perturbation": (({"perturb"},), {"requires"}),
}
COMMON = {"name", "kind", "group"}


class BehaviourTest(Section):
    """A test: texts of templates or of judged rows, what changes them, and what is expected."""

    name: Text
    kind: Literal["minimum_functionality", "invariance", "sensitive", "directional", "perturbation"]
    group: Text
    templates: Annotated[list[Template], Field(min_length=1)] | None = None
    perturb: Text | None = None
    share: OpenShare | None = None
    swap: Text | Texts | None = None
    add: Texts | None = None
    expect: Text | Texts | None = None
    between: Annotated[list[float], Field(min_length=2, max_length=2)] | None = None
    raises: Text | None = None
    lowers: Text | None = None
    requires: Texts | None = None
    tolerance: Annotated[float, Field(ge=0)] = 0.1
    min_pass_rate: Share | None = None

    @model_validator(mode="after")
    def _check_keys(self) -> Self:
        needed, further = KEYS[self.kind]
        given = self.model_fields_set - COMMON
        read = set().union(*needed) | further
        for name in sorted(given - read):
            raise ValueError(f"{name}: {self.kind} does not read it, but {listing(sorted(read))}")
        for keys in needed:
            found = sorted(keys & given)
            if len(found) != 1:
                what = f"found {' and '.join(found)}" if found else "found none"
                raise ValueError(f"kind: {self.kind} needs {' or '.join(sorted(keys))} ({what})")
        return self

    @model_validator(mode="after")
    def _check_perturbation(self) -> Self:
        method = self.perturb
        if method is None or is_component(method):
            needs_share = False
        elif method not in PERTURBATIONS:
            raise ValueError(f"perturb: {unknown_name('perturbation', method, [*PERTURBATIONS])}")
        else:
            needs_share = method in SHARED and self.kind != "perturbation"
        if self.kind == "perturbation" and method not in SHARED:
            raise ValueError(f"perturb: a curve needs one of {listing(SHARED)} (found {method})")
        if needs_share != (self.share is not None):
            verb = "needs" if needs_share else "does not read"
            raise ValueError(f"share: {method or 'a test without perturb'} {verb} it")
        return self

    def list_roles(self) -> list[str]:
        """Return the labels that the test names."""
        expected = [self.expect] if isinstance(self.expect, str) else self.expect or []
        directed = [name for name in (self.raises, self.lowers) if name and name != VALUE]
        return [*expected, *directed]

    def list_swaps(self) -> list[str]:
        """Return the names of the lexicons whose terms are exchanged."""
        return [self.swap] if isinstance(self.swap, str) else self.swap or []

    def list_texts(self) -> list[list[str]]:
        """Return each template as its text, or the two of a pair."""
        return [[own] if isinstance(own, str) else own for own in self.templates or []]


class Pack(Section):
    """Tests, with the lexicons that fill their slots and the names that classes may have."""

    language: Literal["en", "ko"] | None = None
    labels: dict[str, Texts] = Field(default_factory=dict)
    lexicons: dict[str, Texts | Annotated[list[Texts], Field(min_length=1)]] = Field(
        default_factory=dict
    )
    tests: Annotated[list[BehaviourTest], Field(min_length=1)]

    def list_groups(self, name: str) -> list[list[str]]:
        """Return the groups of a lexicon whose terms are exchangeable."""
        terms = self.lexicons[name]
        return [[*own] for own in terms] if isinstance(terms[0], list) else [terms]

    def list_terms(self, name: str) -> list[str]:
        """Return all terms of a lexicon."""
        return [term for group in self.list_groups(name) for term in group]


def read_pack(name: str) -> Pack:
    """Read a shipped pack by its name, or a file by its path.

    Raises:
        FoldlineError: naming the file, and every test and key that is wrong.
    """
    path = SHIPPED.get(name, Path(name))
    content = read_yaml(path)
    if not isinstance(content, dict):
        raise FoldlineError(
            f"{path} must hold the key tests, and may hold labels and lexicons "
            f"(found {type(content).__name__}); docs/behaviour.md shows an example"
        )
    tests = content.get("tests")
    problems = _check_tests(tests) if isinstance(tests, list) else {}
    problems = problems or _find_problems(Pack, content)
    if not problems:
        pack = Pack.model_validate(content)
        problems = _check_lexicons(pack)
    if problems:
        raise FoldlineError(format_problems(path, problems))
    return pack


def _check_tests(tests: list[Any]) -> dict[str, str]:
    """Return what is wrong with single tests, by dotted key."""
    problems = {}
    names = Counter(test.get("name") for test in tests if isinstance(test, dict))
    for number, test in enumerate(tests, start=1):
        if not isinstance(test, dict):
            problems[f"tests.{number}"] = f"must be keys and values (found {test!r:.40})"
            continue
        name = str(test.get("name", number))
        for key, problem in _find_problems(BehaviourTest, test).items():
            problems[f"tests.{name}.{key}"] = problem
        if names[test.get("name")] > 1:
            problems[f"tests.{name}.name"] = f"{names[test['name']]} tests have this name"
    return problems


def _find_problems(kind: type[Section], content: dict[str, Any]) -> dict[str, str]:
    try:
        kind.model_validate(content)
    except ValidationError as error:
        return list_problems(error, kind)
    return {}


def _check_lexicons(pack: Pack) -> dict[str, str]:
    """Return the slots and swaps that name no lexicon, by dotted key."""
    problems = {}
    for test in pack.tests:
        for name in test.list_swaps():
            if problem := _find_lexicon_problem(name, pack):
                problems[f"tests.{test.name}.swap"] = problem
            elif any(len(group) < 2 for group in pack.list_groups(name)):
                problems[f"lexicons.{name}"] = "a group of one term cannot be swapped; add another"
        texts = [text for own in test.list_texts() for text in own]
        for name in [name for text in texts for name in SLOT.findall(text)]:
            if problem := _find_lexicon_problem(name, pack):
                problems[f"tests.{test.name}.templates"] = problem
    return problems


def _find_lexicon_problem(name: str, pack: Pack) -> str | None:
    if name in pack.lexicons:
        return None
    close = closest_name(name, pack.lexicons)
    hint = f"; did you mean '{close}'?" if close else "."
    return f"no lexicon is called '{name}'{hint} Known: {listing(pack.lexicons, 20) or 'none'}"
