"""Curves of calibration steps as pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from qkdlab.calibration.outcome import Curve
from qkdlab.errors import ResourceError

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["draw_curves"]

_INCHES = 6.4, 4.0
_DOTS_PER_INCH = 120


def draw_curves(curves: Sequence[Curve], path: Path, *, title: str = "") -> None:
    """Draw the curves below each other into a PNG file at `path`.

    Raises ResourceError when it cannot be written, ValueError without any curve.
    """
    from matplotlib.figure import Figure

    if not curves:
        raise ValueError("there is no curve to draw")
    width, height = _INCHES
    figure = Figure(figsize=(width, height * len(curves)), layout="constrained")
    for place, curve in enumerate(curves):
        _draw(figure.add_subplot(len(curves), 1, place + 1), curve)
    if title:
        figure.suptitle(title)
    try:
        figure.savefig(path, dpi=_DOTS_PER_INCH, format="png")
    except OSError as error:
        raise ResourceError(f"{path}: cannot write: {error.strerror}") from None


def _draw(axes: Axes, curve: Curve) -> None:
    axes.errorbar(
        curve.x,
        curve.y,
        curve.y_error or None,
        linestyle="none",
        marker="o",
        markersize=4,
        capsize=2,
        color="C0",
        label="measured",
    )
    if curve.fit_x:
        axes.plot(curve.fit_x, curve.fit_y, color="C1", label="fit")
    for number, (what, where) in enumerate(curve.marks.items()):
        colour = f"C{2 + number}"
        label = f"{what}: {where:.5g}"
        axes.axvline(where, color=colour, linestyle="--", linewidth=1, label=label)
    axes.set_title(curve.title, fontsize="medium")
    axes.set_xlabel(curve.x_label)
    axes.set_ylabel(curve.y_label)
    axes.grid(alpha=0.3)
    axes.legend(fontsize="small")
