"""Tell cookiecutter's hooks where the template lies: `template_root` in Jinja."""

import sys
from pathlib import Path

from jinja2 import Environment
from jinja2.ext import Extension


class TemplateRoot(Extension):
    """Return the folder of this file, in which `tools/bake.py` is found, to the hooks.

    cookiecutter's own `_repo_dir` may be relative to a folder that it has left by then. The file
    stands at the root, under a name nobody else has, since cookiecutter searches the template's
    folder last: a `tools` or `hooks` package in the user's folder would hide one in here.
    """

    def __init__(self, environment: Environment) -> None:
        super().__init__(environment)
        environment.globals["template_root"] = str(Path(__file__).resolve().parent)
        # A second template used by the same process must load its own copy.
        sys.modules.pop(__name__, None)
