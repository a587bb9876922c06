"""Where work that must survive a kill lies: known to every room, so it stands in `frame`."""

from foldline.frame.home import home

__all__ = ["home"]
