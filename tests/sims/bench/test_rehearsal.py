"""The rehearsal loads every compiled loop that a running world may come to need."""

import subprocess
import sys

LOOK = """
from qkdlab.config.load import load
from qkdlab_sims.bench.rehearsal import rehearse
from qkdlab_sims.instruments.tagger_inputs import _kernels as tagger
from qkdlab_sims.optics.nanowire.passes import _kernels as detector
from qkdlab_sims.optics.awg import _kernels as generator

config = load("bb84_tiny")
rehearse(config, config.sections["simulation"], 7)
loops = (
    tagger.discriminate,
    detector.run_snspd,
    generator.analogue_volts,
    generator.spaced_volts,
)
print(*(len(loop.signatures) for loop in loops))
"""


def test_the_loops_of_light_detectors_and_tagger_have_been_used():
    """In a process of its own: elsewhere another test may have used them."""
    done = subprocess.run(
        [sys.executable, "-c", LOOK], capture_output=True, text=True, timeout=240
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split() == ["1"] * 4
