"""Define `template_root`, the template's folder, for cookiecutter's hooks."""

import sys
from pathlib import Path

from jinja2 import Environment
from jinja2.ext import Extension


class TemplateRoot(Extension):
    """Jinja extension that sets `template_root` to the folder of this file.

    cookiecutter's `_repo_dir` may be relative to a former working directory. This file is at the
    root and has a unique name because cookiecutter searches the template's folder last: a package
    `tools` or `hooks` in the user's folder would shadow one in the template.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals["template_root"] = str(Path(__file__).resolve().parent)
        # Another template in the same process must load its own copy.
        sys.modules.pop(__name__, None)
