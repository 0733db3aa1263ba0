"""Figures by Matplotlib: curves of trainings and schedules, learned filters. It belongs to the extra `train`; all else does without."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError
from ..image.replacement import replacing
from ..packages import needed_for

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def new_figure(**settings: Any) -> Figure:
    """An empty figure.

    Args:
        settings: of Matplotlib's `Figure`.

    Raises:
        ConfigError: Matplotlib is not installed.
    """
    with needed_for("This figure", ConfigError):
        from matplotlib.figure import Figure

    return Figure(layout="constrained", **settings)


def save(figure: Figure, path: Path, dpi: int = 110) -> None:
    """Write a figure; the suffix says how."""
    with replacing(path) as partial:
        figure.savefig(partial, dpi=dpi, facecolor=figure.get_facecolor())
