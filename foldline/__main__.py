"""`python -m foldline`: the same as the command `foldline`."""

import sys

from foldline.cli import main

if __name__ == "__main__":
    sys.exit(main())
