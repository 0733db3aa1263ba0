"""Pictures and their legends as parts of a page: slices as PNG, colors with the values that they stand for."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

import numpy as np
from numpy.typing import NDArray

from .colors import STOPS, table
from .cut import SIDES, Cut


@dataclass(frozen=True)
class Window:
    """Which values are drawn how: from `low` to `high`, in the colors of a map of `colors`."""

    low: float
    high: float
    colors: str = "gray"


@dataclass(frozen=True)
class Frame:
    """A rectangle on a picture: its first row and column, and the number of its rows and columns, in pixels."""

    top: int
    left: int
    rows: int
    columns: int


def picture(pixels: NDArray[np.floating], window: Window) -> str:
    """Pixels as a data URL.

    Args:
        pixels: (rows, columns).
        window: how they are drawn.
    """
    from PIL import Image

    span = window.high - window.low
    shown = np.clip((pixels.astype(np.float32) - window.low) / (span if span > 0 else 1), 0, 1)
    levels = np.clip(shown * 256, 0, 255).astype(np.uint8)
    image = Image.fromarray(levels)
    image.putpalette(table(window.colors).tobytes())
    buffer = io.BytesIO()
    image.save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def figure_of(
    pixels: NDArray[np.floating], cut: Cut, window: Window, title: str, frame: Frame | None = None
) -> str:
    """A picture with its title, and letters at the sides of the patient that they show.

    Args:
        pixels: (rows, columns) of the slice.
        cut: which slice.
        window: how they are drawn.
        title: below it; the plane and the place are added to what is read aloud.
        frame: a rectangle to mark.
    """
    left, right, top, bottom = list(SIDES[cut.plane])
    said = f"{title}: {cut.plane} slice at {cut.position}"
    image = (
        f'<img alt="{escape(said)}" style="aspect-ratio:{cut.aspect:.4f}" src="{picture(pixels, window)}">'
    )
    letters = "".join(
        f'<span class="side {where}" aria-hidden="true">{letter}</span>'
        for where, letter in (("left", left), ("right", right), ("top", top), ("bottom", bottom))
    )
    marked = "" if frame is None else _rectangle(frame, pixels.shape)
    # No wider than lets the whole picture be seen at once, on a screen and on paper.
    size = f"--aspect:{cut.aspect:.4f}"
    return (
        f'<figure><div class="shown" style="{size}">{image}{letters}{marked}</div>'
        f"<figcaption>{escape(title)}</figcaption></figure>"
    )


def legend(name: str, window: Window, labels: Sequence[str], said: str) -> str:
    """The colors of a map, and what they stand for.

    Args:
        name: of the map, unlike all others of the page.
        window: of the map.
        labels: of the lower end, the middle and the upper end.
        said: of the whole, for those who do not see it.
    """
    stops = "".join(
        f'<stop offset="{100 * level / 255:.2f}%" stop-color="rgb({red},{green},{blue})"/>'
        for level, red, green, blue in STOPS[window.colors]
    )
    ends = "".join(f"<span>{escape(label)}</span>" for label in labels)
    return (
        f'<div class="legend"><svg class="bar" role="img" aria-label="{escape(said)}" data-low="{window.low:.6g}" '
        f'data-high="{window.high:.6g}"><defs><linearGradient id="colors-{name}">{stops}</linearGradient></defs>'
        f'<rect width="100%" height="100%" fill="url(#colors-{name})"/></svg><div class="ends">{ends}</div></div>'
    )


def _rectangle(frame: Frame, shape: tuple[int, ...]) -> str:
    rows, columns = shape[:2]
    place = (
        f"left:{100 * frame.left / columns:.2f}%;top:{100 * frame.top / rows:.2f}%;"
        f"width:{100 * frame.columns / columns:.2f}%;height:{100 * frame.rows / rows:.2f}%"
    )
    return f'<span class="frame" aria-hidden="true" style="{place}"></span>'
