"""`python -m qkdlab` is the command `qkdlab`."""

from __future__ import annotations

import sys

from qkdlab.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
