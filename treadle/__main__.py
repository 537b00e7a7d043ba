"""`python -m treadle` and the `treadle` command."""

import sys

from treadle.keras_like.cli import main

if __name__ == "__main__":
    sys.exit(main())
