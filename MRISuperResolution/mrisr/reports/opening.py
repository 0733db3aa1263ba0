"""How a report begins: what was done, in one line, and how far to trust it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from html import escape
from typing import Any

from ..errors import CatalogError
from ..image.grid import FACTOR_TOLERANCE, Grid
from ..image.volume import Volume
from ..models.catalog import find
from .cut import spoken_place
from .page import folded

WORDS = {
    "green": "Green: nothing in it contradicts your scan",
    "amber": "Amber: look before you rely on it",
    "red": "Red: do not rely on it",
}
"""What a color asks for."""

THICK = 1.2
"""An axis so many times coarser than both others is the one that slices were cut along."""

PLANE_OF = {"R": "sagittal", "L": "sagittal", "A": "coronal", "P": "coronal", "S": "axial", "I": "axial"}


def first_line(record: Mapping[str, Any], scan: Volume, result: Volume) -> str:
    """What was done: to which scan, by what, from which to which voxel size, and when."""
    plane = plane_of(scan.grid)
    what = f"{plane.capitalize()} scan" if plane else "Scan"
    factor = scan.grid.factor_to(result.grid)
    if max(factor) > 1 + FACTOR_TOLERANCE:
        how = f"enhanced from {_sizes(scan)} to {_sizes(result)} mm voxels"
    else:
        how = f"enhanced on its own voxels of {_sizes(result)} mm"
    by, day = _model_in_words(str(record.get("model", ""))), _day(str(record.get("created", "")))
    return f"{what} {how} by {by}{day}"


def plane_of(grid: Grid) -> str:
    """How the slices of a scan lie, such as `axial`; empty where no axis is much coarser than the others."""
    axis = max(range(3), key=lambda a: grid.spacing[a])
    others = [s for a, s in enumerate(grid.spacing) if a != axis]
    return PLANE_OF[grid.orientation[axis]] if grid.spacing[axis] > THICK * max(others) else ""


def verdict_box(trust: Mapping[str, Any]) -> str:
    """The verdict: its color, its sentence, and what it cannot see."""
    color = str(trust["color"])
    blind = ""
    if trust.get("smallest"):
        spots = ", ".join(f"{size:g} mm wide: {percent:.2g} %" for size, percent in trust["smallest"])
        blind = (
            f"<p>What this check cannot see: detail finer than the scan's voxels, and spots that differ from their surroundings by less "
            f"than this share of the scan's brightness: {escape(spots)}.</p>"
        )
    return (
        f'<div class="verdict {escape(color)}"><p class="word">{escape(WORDS.get(color, color))}</p>'
        f'<p class="says">{escape(str(trust["sentence"]))}</p>{blind}</div>'
    )


def verdict_numbers(trust: Mapping[str, Any]) -> str:
    """The numbers behind a verdict, folded."""
    numbers = "".join(f"<li>{escape(line)}</li>" for line in _numbers(trust))
    return folded(
        "How the verdict was found, in numbers",
        f"<ul>{numbers}</ul><p>{escape(str(trust['explanation']))}</p>",
    )


def _numbers(trust: Mapping[str, Any]) -> Sequence[str]:
    """What was found, a sentence each."""
    lines = []
    for key, who in (
        ("network", "What the network made, before it was corrected towards the scan"),
        ("result", "The result"),
    ):
        if found := trust.get(key):
            where = spoken_place(found["worst_ras"])
            lines.append(
                f"{who}, scanned again, differs from your scan by {found['ratio']:.2f} times its noise on the whole, and at the worst "
                f"place ({where}) by {found['worst']:.2f} times its noise more than plain interpolation does."
            )
    lines.append(f"The scan's noise is {trust['noise_percent']:.2g} % of its brightness.")
    if trust.get("harm") is not None:
        lines.append(
            f"The chance that plain interpolation is nearer to the truth than this result: {_percent(trust['harm'])}."
        )
    return lines


def _percent(share: float) -> str:
    return "less than 1 %" if share < 0.01 else f"{100 * share:.0f} %"


def _model_in_words(name: str) -> str:
    """What made a result, for people."""
    if not name:
        return "another program (nothing is recorded)"
    try:
        card = find(name)
    except CatalogError:
        return name
    trained = "the trained model " if card.sha256 else ""
    return f"{trained}“{card.label}” ({card.name})"


def _sizes(volume: Volume) -> str:
    return " × ".join(f"{size:.3g}" for size in volume.spacing)


def _day(created: str) -> str:
    """The date of a record, for people; empty where there is none."""
    try:
        when = datetime.fromisoformat(created)
    except ValueError:
        return ""
    return f", {when.day} {when:%B %Y}"
