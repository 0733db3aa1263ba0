"""Colors and sheets of pictures, drawn without Matplotlib."""

import numpy as np
import pytest
from matplotlib import colormaps

from mrisr.reports.colors import colored, table
from mrisr.reports.contact_sheet import CELL, GAP, MARGIN, SIZES, SPACING, Cell, sheet


@pytest.mark.parametrize("name", ["gray", "berlin", "magma"])
def test_the_colors_are_matplotlibs(name):
    theirs = colormaps[name](np.arange(256), bytes=True)[:, :3].astype(int)
    assert np.abs(table(name) - theirs).max() <= 2
    values = np.linspace(-0.1, 1.1, 997, dtype=np.float32).reshape(1, -1)
    shown = colored(values, name)
    assert np.abs(shown - colormaps[name](np.clip(values, 0, 1), bytes=True)[..., :3].astype(int)).max() <= 2


def inside(page):
    """The dots of the only picture of a sheet with one line of heading and a note of one line: where it is not black."""
    line = round(SPACING * SIZES[0])
    dots = np.asarray(page)[MARGIN + line : page.height - MARGIN - line, :, 0]
    rows, columns = np.nonzero(dots)
    return rows.max() - rows.min() + 1, columns.max() - columns.min() + 1


@pytest.mark.parametrize(
    ("shape", "aspect", "expected"),
    [
        ((10, 20), 1, (140, 280)),
        ((20, 10), 1, (330, 165)),
        ((10, 20), 4, (330, 165)),
        ((10, 20), 0.5, (70, 280)),
        ((1, 5000), 1, (1, 280)),
    ],
)
def test_pictures_have_their_true_proportions(shape, aspect, expected):
    assert CELL == (280, 330)
    assert inside(sheet([["a"]], [[Cell(np.ones(shape, np.float32), aspect=aspect)]], "b")) == expected


def test_what_is_reduced_is_averaged_before_it_is_colored():
    stripes = np.tile(
        np.float32([0, 1]), (4, 280)
    )  # red and blue in turn, whose mean has the color of the middle
    page = np.asarray(sheet([["a"]], [[Cell(stripes, "berlin")]], "b"))
    shown = page[MARGIN + round(SPACING * SIZES[0]) + GAP // 2, MARGIN : MARGIN + 280]
    assert np.abs(shown.astype(int) - table("berlin")[128]).max() == 0


@pytest.mark.parametrize(
    "name", ["a model", "a model whose name is too long for letters of the usual size", "x" * 300]
)
def test_headings_keep_to_their_columns(name):
    page = sheet([[name], [name]], [[Cell(np.zeros((4, 4), np.float32))] * 2], "")
    heading = np.asarray(page)[: MARGIN + round(SPACING * SIZES[0]), :, 0]
    columns = np.nonzero(heading.any(axis=0))[0]
    between = MARGIN + CELL[0]
    assert columns.min() >= MARGIN - 1
    assert not heading[:, between + 1 : between + GAP - 1].any()
    assert np.array_equal(heading[:, MARGIN:between], heading[:, between + GAP : 2 * CELL[0] + GAP + MARGIN])
    assert heading[:, MARGIN:between].any(axis=0).sum() > CELL[0] / 8  # and there is something to read


def test_a_note_that_is_too_long_for_a_line_goes_on_in_the_next():
    short, long = (
        sheet([["a"]], [[Cell(np.ones((9, 9), np.float32))]], "word " * count) for count in (2, 40)
    )
    assert long.width == short.width
    extra = long.height - short.height
    assert extra >= 3 * round(SPACING * SIZES[0])
    below = np.asarray(long)[-MARGIN - extra :, :, 0]
    assert not below[:, : MARGIN // 2].any()
    assert not below[:, -MARGIN // 2 :].any()
