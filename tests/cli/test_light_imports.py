"""Nothing heavy is imported before it is needed."""

import subprocess
import sys

HEAVY = (
    "numpy", "numba", "llvmlite", "h5py", "pydantic", "scipy", "qcodes", "rich", "zmq",
    "cryptography", "flint", "matplotlib",
)  # fmt: skip
LOOK = f"print(*[m for m in {HEAVY!r} if m in sys.modules])"


def heavy_after(code: str) -> str:
    command = [sys.executable, "-c", f"import sys\n{code}\n{LOOK}"]
    run = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert run.returncode == 0, run.stderr
    return run.stdout.splitlines()[-1].strip()


def test_the_package_is_light():
    assert heavy_after("import qkdlab") == ""


def test_the_help_is_light():
    assert heavy_after("from qkdlab.cli.main import main\nmain(['--help'])") == ""
