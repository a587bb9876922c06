"""The examples in docs/components.md are components that pass their checks."""

import re
from pathlib import Path

import pytest

from foldline.core.io.components import FUNCTIONS
from foldline.testing import check_components
from tests.helpers import projects
from tests.helpers.component_files import write_component

PAGE = Path(__file__).resolve().parents[2] / "docs/components.md"
TEXT = PAGE.read_text(encoding="utf-8")
EXAMPLES = dict(re.findall(r"```python\n# components/(\w+)\.py\n(.*?)```", TEXT, re.S))


@pytest.mark.parametrize("name", EXAMPLES)
def test_an_example_passes_its_checks(name, workplace):
    write_component(name, EXAMPLES[name])
    projects.make(workplace)

    assert len(check_components("components")) == 1


def test_each_kind_has_an_example_and_a_line():
    for kind, functions in FUNCTIONS.items():
        assert f"\n## A{'n' if kind[0] in 'aeiou' else ''} " in TEXT
        for function, arguments in functions.items():
            assert f"`{function}({', '.join(arguments)})`" in TEXT, kind
            assert any(f"def {function}(" in example for example in EXAMPLES.values()), kind
    assert len(EXAMPLES) == len(FUNCTIONS)
