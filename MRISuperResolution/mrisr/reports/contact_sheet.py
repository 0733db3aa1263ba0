"""A sheet of pictures: rows and columns on black, with headings above and a line below, drawn by Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from .colors import colored

if TYPE_CHECKING:
    from PIL.Image import Image
    from PIL.ImageDraw import ImageDraw
    from PIL.ImageFont import FreeTypeFont, ImageFont

CELL = (280, 330)
"""Width and height of the largest picture, in dots."""

GAP, MARGIN = 8, 12
SIZES = (16, 15, 14, 13, 12, 11, 10, 9)
"""Of letters, in dots; the largest at which the words fit."""

SPACING = 1.3
"""From line to line, in heights of letters."""


@dataclass(frozen=True, eq=False)
class Cell:
    """A picture.

    Args:
        shown: (rows, columns) float32 in [0, 1].
        colors: the map they are drawn in, of `colors.STOPS`.
        aspect: height of a pixel over its width.
    """

    shown: NDArray[np.float32]
    colors: str = "gray"
    aspect: float = 1.0

    @property
    def size(self) -> tuple[int, int]:
        """Width and height in dots: as large as `CELL` allows, in its true proportions."""
        tall, wide = self.shown.shape[0] * self.aspect, self.shown.shape[1]
        scale = min(CELL[0] / wide, CELL[1] / tall)
        return max(1, round(wide * scale)), max(1, round(tall * scale))

    def drawn(self) -> Image:
        """The picture. A box filter repeats pixels where it enlarges, and takes means where it reduces."""
        from PIL import Image

        values = Image.fromarray(np.ascontiguousarray(self.shown, dtype=np.float32)).resize(
            self.size, Image.Resampling.BOX
        )
        return Image.fromarray(colored(np.asarray(values), self.colors))


def sheet(headings: Sequence[Sequence[str]], rows: Sequence[Sequence[Cell]], note: str) -> Image:
    """Pictures in a table; each row has one size, the largest that fits a column.

    Args:
        headings: of each column, one line or several.
        rows: of as many cells each.
        note: below everything.
    """
    from PIL import Image, ImageDraw

    sizes = [row[0].size for row in rows]
    width = 2 * MARGIN + len(headings) * (CELL[0] + GAP) - GAP
    fonts = {line: _fitting(line, CELL[0]) for lines in headings for line in lines}
    line_height = round(SPACING * SIZES[0])
    top = MARGIN + max(len(lines) for lines in headings) * line_height + GAP // 2
    notes = _wrapped(note, width - 2 * MARGIN)
    height = top + sum(size[1] + GAP for size in sizes) + len(notes) * line_height + MARGIN
    page = Image.new("RGB", (width, height))
    pen = ImageDraw.Draw(page)
    for column, lines in enumerate(headings):
        for number, line in enumerate(reversed(lines)):
            text, font = fonts[line]
            _write(
                pen,
                text,
                font,
                MARGIN + column * (CELL[0] + GAP) + CELL[0] // 2,
                top - GAP // 2 - (number + 0.5) * line_height,
            )
    y = top
    for cells, size in zip(rows, sizes, strict=True):
        for column, cell in enumerate(cells):
            page.paste(cell.drawn(), (MARGIN + column * (CELL[0] + GAP) + (CELL[0] - size[0]) // 2, y))
        y += size[1] + GAP
    for number, text in enumerate(notes):
        _write(pen, text, _font(SIZES[2]), width // 2, y + (number + 0.5) * line_height)
    return page


def _write(pen: ImageDraw, text: str, font: FreeTypeFont | ImageFont, x: float, y: float) -> None:
    """A line of white letters around a point."""
    left, _, right, _ = pen.textbbox((0, 0), text, font=font)
    _, high, _, low = pen.textbbox(
        (0, 0), "Ag", font=font
    )  # whatever the letters are, lines of one size stand on one line
    pen.text((x - (left + right) / 2, y - (high + low) / 2), text, fill="white", font=font)


def _fitting(text: str, width: float) -> tuple[str, FreeTypeFont | ImageFont]:
    """The text and the largest font in which it is no wider than this; its end is cut off where even the smallest is too large."""
    for size in SIZES:
        if _font(size).getlength(text) <= width:
            return text, _font(size)
    while text and _font(SIZES[-1]).getlength(text + "…") > width:
        text = text[:-1]
    return text + "…", _font(SIZES[-1])


def _wrapped(text: str, width: float) -> list[str]:
    """The text in lines that are no wider than this."""
    lines: list[str] = []
    for word in text.split():
        longer = f"{lines[-1]} {word}" if lines else word
        if lines and _font(SIZES[2]).getlength(longer) <= width:
            lines[-1] = longer
        else:
            lines.append(word)
    return lines


@cache
def _font(size: int) -> FreeTypeFont | ImageFont:
    """The letters that Pillow carries."""
    from PIL import ImageFont

    return ImageFont.load_default(size)
