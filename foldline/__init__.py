"""Data-versioned, reproducible pipelines for text models."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from foldline.prediction.predictor import Predictor

__all__ = ["Predictor", "__version__"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    """Import `Predictor` where it is first used: its libraries take a second."""
    if name == "Predictor":
        from foldline.prediction.predictor import Predictor

        return Predictor
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
