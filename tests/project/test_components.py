"""Everything in components/ keeps the contract of its kind."""

from foldline.testing import check_components


def test_components():
    check_components("components")
