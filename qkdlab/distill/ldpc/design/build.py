"""Build all shipped codes anew.

    python -m qkdlab.distill.ldpc.design.build FOLDER

writes the file of `qkdlab.distill.ldpc.shipped` into a folder; six minutes. `RECIPES`
came from `design.search` and, the long ones, `design.descent`; only mixes are search
results, all else follows from them.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from qkdlab.distill.ldpc.design.construct import FAR, build_base, column_degrees
from qkdlab.distill.ldpc.design.density import threshold
from qkdlab.distill.ldpc.shipped import FILE, SIZE, ShippedCode

__all__ = ["COLUMNS", "LIFTING", "RECIPES", "Recipe", "build_code"]

COLUMNS, LIFTING = 360, 192
"""Of all codes but the long ones."""

_MIXES: dict[tuple[int, ...], dict[int, float]] = {
    (18,): {2: 0.0255, 3: 0.6089, 6: 0.0153, 8: 0.1035, 12: 0.2468},
    (20,): {
        2: 0.0237,
        3: 0.579,
        4: 0.0116,
        6: 0.068,
        7: 0.0252,
        8: 0.0443,
        10: 0.0912,
        14: 0.0294,
        16: 0.1276,
    },
    (22,): {
        2: 0.0237,
        3: 0.595,
        5: 0.0116,
        6: 0.0932,
        10: 0.0912,
        14: 0.0135,
        16: 0.1719,
    },
    (25,): {2: 0.06, 3: 0.5762, 6: 0.068, 8: 0.0081, 10: 0.1763, 20: 0.1113},
    (29,): {2: 0.0739, 3: 0.5623, 6: 0.068, 8: 0.0081, 10: 0.1763, 20: 0.1113},
    (36,): {
        2: 0.075,
        3: 0.5677,
        6: 0.1027,
        8: 0.0264,
        10: 0.065,
        12: 0.0145,
        14: 0.0426,
        24: 0.1061,
    },
    (43, 50, 57): {
        2: 0.0548,
        3: 0.6055,
        5: 0.0908,
        6: 0.0233,
        12: 0.1094,
        14: 0.0211,
        20: 0.0324,
        24: 0.0627,
    },
    (65,): {2: 0.1716, 3: 0.509, 6: 0.1047, 10: 0.0723, 12: 0.0509, 24: 0.0915},
    (72, 79): {
        2: 0.1954,
        3: 0.4957,
        4: 0.0326,
        6: 0.0047,
        8: 0.1143,
        10: 0.0665,
        24: 0.0909,
    },
    (86, 94): {
        2: 0.2144,
        3: 0.4954,
        4: 0.0106,
        5: 0.0194,
        6: 0.0362,
        8: 0.0584,
        10: 0.0556,
        12: 0.0227,
        24: 0.0872,
    },
    (101, 108): {
        2: 0.2602,
        3: 0.4601,
        6: 0.0793,
        8: 0.0511,
        10: 0.0573,
        12: 0.0065,
        24: 0.0854,
    },
    (115, 122): {
        2: 0.2652,
        3: 0.461,
        5: 0.0151,
        6: 0.1039,
        10: 0.0462,
        12: 0.0048,
        14: 0.0181,
        24: 0.0856,
    },
    (130, 137): {
        2: 0.29,
        3: 0.4428,
        5: 0.039,
        6: 0.0837,
        10: 0.0462,
        12: 0.008,
        24: 0.0903,
    },
    (151,): {2: 0.3105, 3: 0.4559, 6: 0.0714, 10: 0.0954, 24: 0.0668},
    (166,): {
        2: 0.3121,
        3: 0.4617,
        5: 0.0585,
        8: 0.0342,
        10: 0.0587,
        20: 0.0076,
        24: 0.0671,
    },
    (180,): {2: 0.3128, 3: 0.4762, 5: 0.065, 10: 0.0644, 14: 0.0208, 24: 0.0609},
    (198,): {
        2: 0.3321,
        3: 0.4785,
        5: 0.0512,
        10: 0.0529,
        12: 0.021,
        14: 0.01,
        24: 0.0543,
    },
}
"""Share of the columns by degree, by rows of the base matrices that take it."""


@dataclass(frozen=True, eq=False)
class Recipe:
    """What a code is made from.

    mix:      share of the columns of its base matrix by degree
    farthest: see `construct.build_base`
    """

    n_rows: int
    n_columns: int
    lifting: int
    mix: Mapping[int, float]
    label: str
    farthest: int = FAR

    @property
    def leak(self) -> float:
        """Checks per bit of the code."""
        return self.n_rows / self.n_columns


_LONG = (
    Recipe(
        51,
        960,
        1152,
        {
            2: 0.0505,
            3: 0.5023,
            7: 0.1861,
            8: 0.119,
            10: 0.0054,
            24: 0.1113,
            28: 0.0254,
        },
        "51 of 960",
        farthest=1,
    ),
    Recipe(
        42,
        1080,
        1024,
        {
            2: 0.0369,
            3: 0.4942,
            7: 0.1644,
            8: 0.1254,
            10: 0.0054,
            16: 0.003,
            20: 0.0249,
            24: 0.0982,
            28: 0.0476,
        },
        "42 of 1080",
        farthest=1,
    ),
    Recipe(
        40,
        1440,
        768,
        {
            2: 0.0264,
            3: 0.5258,
            7: 0.1765,
            8: 0.1088,
            10: 0.0031,
            16: 0.0325,
            20: 0.0196,
            24: 0.0867,
            28: 0.0207,
        },
        "40 of 1440",
        farthest=1,
    ),
)
"""Codes of 1 105 920 bits that are no fold of shorter ones: few errors ask for columns
of so many edges that shorter blocks have no matrix for them without cycles of four."""

RECIPES: tuple[Recipe, ...] = tuple(
    sorted(
        _LONG
        + tuple(
            Recipe(n_rows, COLUMNS, LIFTING, mix, f"{n_rows} rows")
            for rows, mix in _MIXES.items()
            for n_rows in rows
        ),
        key=lambda recipe: recipe.leak,
    )
)


def build_code(recipe: Recipe) -> ShippedCode:
    """Return the code of a recipe."""
    degrees = column_degrees(recipe.n_columns, recipe.mix)
    base = build_base(
        recipe.n_rows, degrees, recipe.lifting, recipe.label, recipe.farthest
    )
    size = recipe.n_columns * recipe.lifting
    return ShippedCode(base, threshold(recipe.mix, recipe.leak), size // SIZE)


def save(codes: Sequence[ShippedCode], file: Path) -> None:
    """Write the file of `qkdlab.distill.ldpc.shipped`."""
    bases = [one.base for one in codes]
    shifts = np.concatenate([base.shifts for base in bases])
    np.savez_compressed(
        file,
        n_rows=np.array([base.n_rows for base in bases], np.uint8),
        n_columns=np.array([base.degrees.size for base in bases], np.uint16),
        liftings=np.array([base.lifting for base in bases], np.uint16),
        thresholds=np.array([one.threshold for one in codes]),
        degrees=np.concatenate([base.degrees for base in bases]),
        rows=np.concatenate([base.rows for base in bases]),
        shifts_low=(shifts % 256).astype(np.uint8),
        shifts_high=(shifts // 256).astype(np.uint8),
    )


def main() -> None:
    """Build all codes into the folder that the command line names."""
    save([build_code(recipe) for recipe in RECIPES], Path(sys.argv[1]) / FILE)


if __name__ == "__main__":
    main()
