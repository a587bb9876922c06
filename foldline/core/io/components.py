"""Components of a project: modules in `components/`, named `components.<name>` in params.yaml.

A module defines the functions of one or more kinds (FUNCTIONS); `components.slang` as
`augment.method` calls `augment` of `components/slang.py`.
"""

import hashlib
import importlib
import inspect
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType
from typing import Any

from foldline.core.errors import FoldlineError, closest_name, listing

PACKAGE = "components"
FOLDER = Path(PACKAGE)
NAME = r"[a-z][a-z0-9_]*"
PATTERN = rf"^{PACKAGE}\.{NAME}$"
# The functions of each kind of component, and the arguments that Foldline passes by position.
FUNCTIONS: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "model": {"fit": ("job",), "load": ("folder", "labels")},
    "augmenter": {"augment": ("batch",)},
    "loss": {"loss": ("logits", "target")},
    "metric": {"metric": ("target", "predictions", "weights")},
    "cleaner": {"clean": ("text",)},
}

Options = Mapping[str, Mapping[str, Any]]


def is_component(name: str | None) -> bool:
    """Return whether a value of params.yaml names a module in components/."""
    return name is not None and name.startswith(f"{PACKAGE}.")


def short_name(name: str) -> str:
    """Return the name of a component without `components.`."""
    return name.removeprefix(f"{PACKAGE}.")


def component_path(name: str) -> str:
    """Return the file of a component, from the project's root, with `/`."""
    return f"{PACKAGE}/{short_name(name)}.py"


def hash_components(*names: str | None) -> str | None:
    """Return a hash of the files in components/, or None if no name is a component's."""
    return _hash_folder() if any(map(is_component, names)) else None


def load_component(name: str, kind: str = "model") -> ModuleType:
    """Import a component from the working directory; `kind` is for the message.

    Raises:
        FoldlineError: naming the file that is missing, or the line that cannot be imported.
    """
    path = Path(component_path(name))
    if not path.is_file():
        names = sorted(file.stem for file in FOLDER.glob("[!_]*.py"))
        close = closest_name(path.stem, names)
        hint = f" (did you mean {PACKAGE}.{close}?)" if close else ""
        raise FoldlineError(
            f"there is no {path.as_posix()}{hint}; it would define {_format_signatures(kind)}. "
            f"Next: `foldline new {kind} {path.stem}`"
        )
    _refresh_package()
    try:
        return importlib.import_module(name)
    except Exception as error:
        advice = (
            f"Install it, and add it to pyproject.toml, or remove the import from {path.as_posix()}"
            if isinstance(error, ImportError)
            else f"Correct {path.as_posix()}, then run the same command again"
        )
        raise FoldlineError(
            f"{path.as_posix()} cannot be imported ({_describe_error(error)}). {advice}"
        ) from error


def check_component(name: str, kind: str) -> ModuleType:
    """Import a component and check that it has the functions of its kind.

    Raises:
        FoldlineError: naming the file, what it lacks, and the signature that is needed.
    """
    if not re.match(PATTERN, name):
        raise FoldlineError(
            f"'{name}' is no component: the part after `{PACKAGE}.` is the name of a file in "
            f"{PACKAGE}/, of small letters, digits and _"
        )
    module = load_component(name, kind)
    for function, arguments in FUNCTIONS[kind].items():
        value = getattr(module, function, None)
        if not callable(value):
            functions = listing(list_functions(module)) or "none"
            raise FoldlineError(
                f"{component_path(name)} has no function `{function}` (it has {functions}); "
                f"components of kind {kind} define {_format_signatures(kind)}. Next: add it, or "
                f"`foldline new {kind} NAME` for a file that works"
            )
        _check_call(name, function, value, arguments, None)
    return module


def check_options(name: str, kind: str, options: Mapping[str, Any]) -> None:
    """Check that a component's function accepts its options in params.yaml, and lacks none.

    Raises:
        FoldlineError: naming the file, its signature and the call that fails.
    """
    if kind == "model":
        return  # it reads them from `job.recipe.components`
    module = check_component(name, kind)
    for function, arguments in FUNCTIONS[kind].items():
        _check_call(name, function, getattr(module, function), arguments, options)


def list_functions(module: ModuleType) -> list[str]:
    """Return the names of the public functions that a module defines itself."""
    return [
        name
        for name, value in vars(module).items()
        if inspect.isfunction(value) and value.__module__ == module.__name__ and name[0] != "_"
    ]


class Component:
    """The function of a component with its options; it is pickled by name.

    An exception inside it becomes a FoldlineError that names its file and line.
    """

    def __init__(self, name: str, kind: str, options: Options) -> None:
        self.name, self.kind, self.options = name, kind, options
        self._own_options = dict(options.get(short_name(name), {}))
        check_options(name, kind, self._own_options)
        (self._function_name,) = FUNCTIONS[kind]
        self._function = getattr(load_component(name, kind), self._function_name)

    def __call__(self, *arguments: Any) -> Any:
        """Call the function with these arguments and the options."""
        with report_errors(self.name):
            return self._function(*arguments, **self._own_options)

    def __reduce__(self) -> tuple[Any, ...]:
        return Component, (self.name, self.kind, self.options)

    def result_error(self, found: str, needed: str) -> FoldlineError:
        """Return the error for an invalid result."""
        return FoldlineError(
            f"`{self._function_name}` of {component_path(self.name)} returned {found}; it must "
            f"return {needed}. Check it with `python run.py test -k components`"
        )


@contextmanager
def report_errors(name: str) -> Iterator[None]:
    """Turn any exception inside a component into a FoldlineError with its file and line."""
    try:
        yield
    except (FoldlineError, MemoryError):
        raise
    except Exception as error:
        raise FoldlineError(
            f"{component_path(name)} failed ({_describe_error(error)}). Correct it, then run the "
            "same command again; `python run.py test -k components` checks it on tiny data"
        ) from error


def _refresh_package() -> None:
    """Make `components` the folder in the working directory, with its current content.

    The process may have loaded another project before, or the files may have been edited.
    """
    state = (str(FOLDER.resolve()), _hash_folder())
    if getattr(sys.modules.get(PACKAGE), "_foldline_state", None) == state:
        return
    for module in [n for n in sys.modules if n == PACKAGE or n.startswith(f"{PACKAGE}.")]:
        del sys.modules[module]
    importlib.invalidate_caches()
    spec = spec_from_file_location(
        PACKAGE, FOLDER.resolve() / "__init__.py", submodule_search_locations=[state[0]]
    )
    assert spec is not None
    package = module_from_spec(spec)
    package.__dict__["_foldline_state"] = state
    sys.modules[PACKAGE] = package


def _hash_folder() -> str:
    hasher = hashlib.sha256()
    for file in sorted(FOLDER.rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            hasher.update(f"{file.as_posix()}\0{file.stat().st_size}\0".encode())
            hasher.update(file.read_bytes())
    return hasher.hexdigest()


def _check_call(
    name: str,
    function: str,
    value: Any,
    arguments: tuple[str, ...],
    options: Mapping[str, Any] | None,
) -> None:
    """Check a call; without `options`, only the positional arguments."""
    try:
        signature = inspect.signature(value)
    except (TypeError, ValueError):  # a compiled function has none
        return
    bind = signature.bind_partial if options is None else signature.bind
    try:
        bind(*arguments, **(options or {}))
    except TypeError as error:
        call = ", ".join(
            [*arguments, *(f"{key}={value!r}" for key, value in (options or {}).items())]
        )
        advice = "Correct its arguments"
        if options is not None:
            advice += f", or `{PACKAGE}: {{{short_name(name)}: ...}}` in params.yaml"
        raise FoldlineError(
            f"`{function}{signature}` in {component_path(name)} cannot be called as "
            f"`{function}({call})` ({error}). {advice}"
        ) from None


def _format_signatures(kind: str) -> str:
    calls = [f"`{name}({', '.join(args)})`" for name, args in FUNCTIONS[kind].items()]
    return " and ".join(calls)


def _describe_error(error: Exception) -> str:
    """Return the last line inside components/ that raised an error, with its type and message."""
    message = f"{type(error).__name__}: {error}"
    if isinstance(error, SyntaxError):
        file = Path(error.filename or "").name
        return f"{PACKAGE}/{file}, line {error.lineno}: {type(error).__name__}: {error.msg}"
    root = str(FOLDER.resolve())
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename.startswith(root)]
    if not frames:
        return message
    path = Path(frames[-1].filename).relative_to(root)
    return f"{PACKAGE}/{path.as_posix()}, line {frames[-1].lineno}: {message}"
