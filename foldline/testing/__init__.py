"""Contract checks for models, augmenters, losses, metrics and text cleaners.

The library runs them on its own members, and a project on everything in `components/`:

    from foldline.testing import check_components
    check_components("components")

A part that breaks its contract raises a ContractError, which says what is wrong and what to change.
"""

from foldline.testing.augmenters import check_augmenter
from foldline.testing.cleaners import check_cleaner
from foldline.testing.components import check_components
from foldline.testing.contract import ContractError
from foldline.testing.losses import check_loss
from foldline.testing.metrics import check_metric
from foldline.testing.models import check_model

__all__ = [
    "ContractError",
    "check_augmenter",
    "check_cleaner",
    "check_components",
    "check_loss",
    "check_metric",
    "check_model",
]
