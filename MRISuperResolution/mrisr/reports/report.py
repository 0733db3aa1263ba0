"""All that is known about a result on one page: an HTML file with its pictures inside, which a browser prints to PDF.

Names of patients, and of files and folders, which often hold them, are left out unless a name to print is given.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..image.grid import Grid
from ..image.metrics import HEAD
from ..image.normalization import Normalization
from ..image.volume import Volume
from ..physics.acquisition import Acquisition
from ..physics.observation import Observation
from ..pipeline.provenance import STATEMENT
from ..pipeline.verification import check_result
from ..progress import Monitor
from ..trust.spread_verdict import SPREAD_TOLERANCE
from .cut import Cut
from .facts import card_of, scores_table, settings_of, voxels_of
from .figure import PLANES
from .opening import first_line, plane_of, verdict_box, verdict_numbers
from .page import row_of, write_page
from .pictures import Window, figure_of, legend
from .zoom import worst_place, zoom_on

RESIDUAL = 4.0
"""A residual is drawn up to so many times what is tolerated."""

ERROR = 0.2
"""Errors are drawn up to this part of the brightness."""


@dataclass(frozen=True, eq=False)
class Maps:
    """Volumes to show beside the slices, each if it is there.

    Args:
        residual: A x − y, in the scan's units; computed if it is not given and the record says how the scan was made.
        spread: standard deviation of the samples.
        error: result minus reference.
    """

    residual: Volume | None = None
    spread: Volume | None = None
    error: Volume | None = None


@dataclass(frozen=True, eq=False)
class Shown:
    """A map and what is said of it.

    Args:
        name: one word.
        title: its heading.
        told: what it shows, a sentence or two.
        volume: its voxels.
        window: its colors.
        ends: what the lower end, the middle and the upper end of its colors are.
    """

    name: str
    title: str
    told: str
    volume: Volume
    window: Window
    ends: tuple[str, str, str]


def write_report(
    path: str | Path,
    scan: Volume,
    result: Volume,
    record: Mapping[str, Any] | None = None,
    *,
    maps: Maps | None = None,
    rows: Sequence[Mapping[str, Any]] = (),
    witness: str = "",
    patient: str | None = None,
    name: str = "",
    monitor: Monitor | None = None,
) -> None:
    """Write the report on a result.

    Args:
        path: the HTML file.
        scan: what was measured.
        result: what was made of it.
        record: the result's provenance.
        maps: volumes to show beside the slices.
        rows: of `own.try_on` or `reference.compare_with`, as dictionaries.
        witness: what another stack says of the result, see `trust.testimony.Testimony.sentence`; empty if none was asked.
        patient: a name to print; None prints no name at all, not even the file's.
        name: of the scan's file.
        monitor: told of progress, asked for cancellation.
    """
    monitor, record = monitor or Monitor(), dict(record or {})
    acquisition = acquisition_of(record)
    source = record.get("acquisition_source", "assumed")
    verdict = record.get("trust") or check_result(result, scan, acquisition, source=source).describe()
    maps = _completed(maps or Maps(), scan, result, acquisition)
    who = "" if patient is None else f"Patient: {patient}{', ' + name if name else ''}"
    parts = [
        f"<h1>{escape(first_line(record, scan, result))}</h1>",
        verdict_box(verdict),
        f"<p><b>{escape(who)}</b></p>" if who else "",
        f"<p><b>Another stack:</b> {escape(witness)}</p>" if witness else "",
        f'<p class="statement">{escape(STATEMENT)}</p>',
        *_pictures(scan, result, _shown(maps, scan, verdict), verdict, monitor),
        scores_table(rows),
        "<h2>Details</h2>",
        verdict_numbers(verdict),
        settings_of(record, patient is not None),
        voxels_of(scan, result),
        card_of(str(record.get("model", ""))),
    ]
    write_page(Path(path), "Enhanced MRI: report", parts)
    monitor.progress("report", 1, 1)


def acquisition_of(record: Mapping[str, Any]) -> Acquisition | None:
    """The acquisition a record holds; None if it holds none."""
    held = record.get("acquisition")
    if not isinstance(held, Mapping):
        return None
    fields: dict[str, Any] = {
        key: tuple(value) if isinstance(value, list) else value for key, value in held.items()
    }
    return Acquisition(**fields)


def _completed(maps: Maps, scan: Volume, result: Volume, acquisition: Acquisition | None) -> Maps:
    """The maps, with the residual computed if it is missing and can be."""
    if maps.residual is not None or acquisition is None:
        return maps
    rest = Observation(scan, acquisition).of(result.grid).residual(result.array.astype(np.float32))
    rest = np.where(covered(scan, result.grid), rest, np.float32(0))
    return Maps(scan.with_array(rest), maps.spread, maps.error)


def covered(scan: Volume, grid: Grid) -> NDArray[np.bool_]:
    """Which of the scan's voxels lie within another grid's field of view; (i, j, k) bool."""
    masks = []
    for positions, n in zip(grid.axis_positions(scan.grid), grid.shape, strict=True):
        masks.append((positions > -0.5) & (positions < n - 0.5))
    return np.asarray(masks[0][:, None, None] & masks[1][:, None] & masks[2])


def middle_of(result: Volume) -> tuple[float, float, float]:
    """The middle of the head, RAS in mm; of the field where there is none."""
    head, index = Normalization.of(result.array).apply(result.array) > HEAD, []
    for axis, n in enumerate(result.shape):
        found = np.flatnonzero(head.any(axis=tuple(other for other in range(3) if other != axis)))
        index.append(float(found[0] + found[-1]) / 2 if found.size else (n - 1) / 2)
    x, y, z = (result.affine @ np.array([*index, 1.0]))[:3]
    return float(x), float(y), float(z)


def _shown(maps: Maps, scan: Volume, trust: Mapping[str, Any]) -> list[Shown]:
    """The maps that are there, with their colors."""
    scale, found = Normalization.of(scan.array).scale, []
    if maps.residual is not None:
        bound = RESIDUAL * float(trust["tolerance"])
        told = (
            "The result, scanned again, minus your scan (residual map). Black: they agree. Lines along sharp edges are what "
            "interpolation leaves as well; look for spots."
        )
        ends = _both(bound, scale, "darker than measured", "brighter")
        window = Window(-bound, bound, "berlin")
        found.append(
            Shown("residual", "Where the result disagrees with your scan", told, maps.residual, window, ends)
        )
    if maps.spread is not None:
        mute = float(maps.spread.array.max()) <= SPREAD_TOLERANCE * scale
        most = 0.0 if mute else float(np.percentile(maps.spread.array, 99.9))
        told = (
            "How much the result changes when the scan is enhanced several times in different ways (spread map, standard deviation). "
            "Where it is high, the model is not sure of what it shows."
            if most > 0
            else "All repeats gave the same result: the spread of this model says nothing of how sure it is."
        )
        half, full = (f"{v:.3g} ({100 * v / scale:.2g} %)" for v in (most / 2, most))
        window = Window(0, most, "magma")
        found.append(
            Shown(
                "spread",
                "Where the model is unsure",
                told,
                maps.spread,
                window,
                ("0: sure", half, f"{full}: unsure"),
            )
        )
    if maps.error is not None:
        bound = ERROR * scale
        told = "The result minus the reference scan, in the reference's units (error map)."
        ends = _both(bound, scale, "darker than the reference", "brighter")
        window = Window(-bound, bound, "berlin")
        found.append(
            Shown("error", "Where the result differs from the reference", told, maps.error, window, ends)
        )
    return found


def _both(bound: float, scale: float, below: str, above: str) -> tuple[str, str, str]:
    """The ends of colors that are the same on both sides of 0; the share is of the scan's brightness."""
    share = f"{100 * bound / scale:.2g} %"
    return f"−{bound:.3g} (−{share}): {below}", "0: same", f"+{bound:.3g} (+{share}): {above}"


def _pictures(
    scan: Volume, result: Volume, shown: Sequence[Shown], trust: Mapping[str, Any], monitor: Monitor
) -> Iterable[str]:
    """Scan and result side by side, one place from near, and the maps; all slices through the middle of the head."""
    air = Normalization.of(scan.array)
    gray = Window(air.offset, air.offset + air.scale)
    place, steps = middle_of(result), len(PLANES) + 1 + len(shown)
    # The plane that slices were cut in shows least of what was done, and comes last.
    cut_in = plane_of(scan.grid)
    planes = [*(plane for plane in reversed(PLANES) if plane != cut_in), *filter(None, [cut_in])]
    cuts = [Cut.through(result.grid, plane, place) for plane in planes]
    worst = [Cut.through(result.grid, plane, worst_place(trust) or place) for plane in planes]
    yield (
        '<h2>Scan and result, the same slices</h2><p class="small">Every voxel is shown as it is, without smoothing. The patient\'s right '
        "is on the left of the picture.</p>"
    )
    for done, cut in enumerate(cuts):
        monitor.step("report", done, steps)
        where = f"{cut.plane}, at {cut.position}"
        yield row_of(
            [
                figure_of(cut.of(v), cut, gray, f"{who}, {where}")
                for who, v in (("Scan", scan), ("Result", result))
            ]
        )
    monitor.step("report", len(PLANES), steps)
    yield zoom_on(scan, result, trust, gray)
    for done, each in enumerate(shown):
        monitor.step("report", len(PLANES) + 1 + done, steps)
        yield _map(each, worst if each.name == "residual" else cuts)


def _map(each: Shown, cuts: Sequence[Cut]) -> str:
    """A map in all three directions, with its colors; only what is said of it where it is the same everywhere."""
    if each.window.high <= each.window.low:
        return f"<h2>{each.title}</h2><p>{each.told}</p>"
    low, high = float(each.volume.array.min()), float(each.volume.array.max())
    bottom, top = each.window.low, each.window.high
    said = f"Colors of the {each.name} map, from {bottom:.3g} over {(bottom + top) / 2:.3g} to {top:.3g}"
    figures = [
        figure_of(
            cut.of(each.volume), cut, each.window, f"{each.name.capitalize()}, {cut.plane}, at {cut.position}"
        )
        for cut in cuts
    ]
    return (
        f'<section class="map"><h2>{each.title}</h2><p>{each.told}</p>{legend(each.name, each.window, each.ends, said)}'
        f'<p class="small">In the whole volume it reaches from {low:.3g} to {high:.3g}; what lies beyond the colors gets the color of the '
        f"nearer end. Percent are of the scan's brightness.</p>{row_of(figures)}</section>"
    )
