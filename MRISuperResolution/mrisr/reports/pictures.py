"""Slices as PNG pictures inside a page."""

from __future__ import annotations

import base64
import io
from dataclasses import dataclass

import numpy as np

from ..image.volume import Volume
from .colors import colored
from .figure import slice_of


@dataclass(frozen=True)
class Window:
    """Which values are drawn how: from `low` to `high`, in the colors of a map of `colors`."""

    low: float
    high: float
    colors: str = "gray"


def picture(volume: Volume, plane: str, window: Window) -> tuple[str, float]:
    """The middle slice as a data URL, and its width over its height.

    Args:
        volume: what to show.
        plane: of `figure.PLANES`.
        window: how.
    """
    from PIL import Image

    pixels, tall = slice_of(volume, plane)
    span = window.high - window.low
    shown = np.clip((pixels.astype(np.float32) - window.low) / (span if span > 0 else 1), 0, 1)
    buffer = io.BytesIO()
    Image.fromarray(colored(shown, window.colors)).save(buffer, "PNG")
    rows, columns = pixels.shape
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode(), columns / (rows * tall)
