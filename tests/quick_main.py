"""The command line of qkdlab with the plug-ins of `quick_bench`."""

from __future__ import annotations

import sys

import quick_bench

from qkdlab.cli.main import main

if __name__ == "__main__":
    quick_bench.install()
    sys.exit(main())
