"""What all checks share: the error, and how a part may be handed over."""

from collections.abc import Callable, Mapping
from functools import partial
from types import ModuleType
from typing import Any

import numpy as np


class ContractError(AssertionError):
    """A part does not do what Foldline expects of its kind."""


def require(condition: object, problem: str, advice: str) -> None:
    """Raise a ContractError unless the condition holds."""
    if not condition:
        raise ContractError(f"{problem}. {advice}")


def get_function(part: Any, name: str, options: Mapping[str, Any] | None) -> Callable[..., Any]:
    """Return the function of a module by its name, or a function itself, with options."""
    if not isinstance(part, ModuleType):
        return partial(part, **(options or {}))
    function = getattr(part, name, None)
    require(
        callable(function),
        f"{part.__name__} has no function `{name}`",
        f"Define `def {name}(...)` in it",
    )
    assert function is not None
    return partial(function, **(options or {}))


def equal_arrays(first: Any, second: Any, tolerance: float = 0.0) -> bool:
    """Return whether two arrays are equal up to an absolute difference; NaN equals NaN."""
    a, b = np.asarray(first, dtype=np.float64), np.asarray(second, dtype=np.float64)
    return a.shape == b.shape and bool(np.allclose(a, b, rtol=0, atol=tolerance, equal_nan=True))
