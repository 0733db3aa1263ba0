"""All that is known about a result on one page: an HTML file with its pictures inside, which a browser prints to PDF.

Names of patients, and of files and folders, which often hold them, are left out unless a name to print is given.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import CatalogError
from ..image.grid import Grid
from ..image.normalization import Normalization
from ..image.replacement import replacing
from ..image.volume import Volume
from ..models.catalog import find
from ..physics.acquisition import Acquisition
from ..physics.observation import Observation
from ..pipeline.provenance import STATEMENT
from ..pipeline.verification import check_result
from ..progress import Monitor
from .figure import PLANES
from .pictures import Window, picture

NAMES = ("input", "source", "output")
"""Keys of a record that may hold a name."""

COLUMNS = ("model", "psnr_mask", "ssim_mask", "psnr", "ssim", "nrmse", "seconds", "peak_memory_mb")
HEADINGS = ("model", "PSNR head (dB)", "SSIM head", "PSNR (dB)", "SSIM", "NRMSE", "seconds", "memory (MB)")

STYLE = """
body{font:14px/1.45 system-ui,sans-serif;color:#1d2430;max-width:1080px;margin:24px auto;padding:0 16px}
h1{font-size:22px;margin:0 0 4px}h2{font-size:16px;margin:26px 0 8px;border-bottom:1px solid #d6dbe3;padding-bottom:3px}
.statement{font-weight:600}.verdict{padding:10px 14px;border-left:8px solid;margin:14px 0;background:#f6f7f9}
.green{border-color:#2e8b57}.amber{border-color:#d99a00}.red{border-color:#c0392b}
.small{color:#5b6675;font-size:12px}
.row{display:flex;flex-wrap:wrap;gap:8px;margin-bottom:8px;break-inside:avoid}
figure{margin:0;background:#000;padding:4px;break-inside:avoid}figcaption{color:#ddd;font-size:11px;padding-top:3px}
img{display:block;height:200px;image-rendering:pixelated}
table{border-collapse:collapse;margin:6px 0;break-inside:avoid}
td,th{border:1px solid #d6dbe3;padding:3px 8px;text-align:left;vertical-align:top}
td.number{text-align:right;font-variant-numeric:tabular-nums}tr.best{background:#e8f4ec;font-weight:600}
.columns{display:flex;flex-wrap:wrap;gap:24px}.columns>div{flex:1 1 420px}code{font-size:11px;word-break:break-all}
@media print{body{margin:0;max-width:none}h2{break-after:avoid}img{height:150px}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""


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
    parts = [
        _head(record, patient, name),
        _verdict(verdict),
        f"<p><b>Another stack:</b> {escape(witness)}</p>" if witness else "",
        *_slices(scan, result, maps, verdict, monitor),
        _rows(rows),
        '<div class="columns"><div>'
        + _scan_tables(scan, result)
        + "</div><div>"
        + _settings(record, patient is not None)
        + "</div></div>",
        _card(str(record.get("model", ""))),
        f'<p class="small">{escape(STATEMENT)} Not a medical device; not for diagnosis.</p>',
    ]
    head = f'<meta charset="utf-8"><title>Enhanced MRI: report</title><style>{STYLE}</style>'
    page = f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n'
    with replacing(Path(path)) as partial:
        partial.write_text(page + "\n".join(parts) + "\n</body></html>\n", encoding="utf-8")
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


def _head(record: Mapping[str, Any], patient: str | None, name: str) -> str:
    who = "" if patient is None else f"<p>Patient: {escape(patient)}{', ' + escape(name) if name else ''}</p>"
    made = f"{escape(str(record.get('model', '')))} {escape(str(record.get('model_version', '')))} {escape(str(record.get('created', '')))}"
    return (
        f'<h1>Enhanced MRI</h1><p class="statement">{escape(STATEMENT)}</p>{who}<p class="small">{made}</p>'
    )


def _verdict(trust: Mapping[str, Any]) -> str:
    where = ", ".join(f"{v:.0f}" for v in trust["worst_ras"])
    facts = [
        f"{who}: difference over noise {found['ratio']:.2f}, worst place {found['worst']:.2f}."
        for key, who in (("network", "The network's own output"), ("result", "The result"))
        if (found := trust.get(key))
    ]
    facts.append(
        f"The worst place lies at R {where} S (mm); noise {trust['noise_percent']:.2g} % of the scan's brightness."
    )
    if trust.get("harm") is not None:
        facts.append(
            f"Plain interpolation is nearer to the truth with a probability of {100 * trust['harm']:.0f} %."
        )
    if trust.get("smallest"):
        spots = ", ".join(f"{size:g} mm: {percent:.2g} %" for size, percent in trust["smallest"])
        facts.append(
            f"Spots that differ from their surroundings by less than this cannot be checked: {spots} of the brightness."
        )
    return (
        f'<div class="verdict {escape(str(trust["color"]))}"><b>{escape(str(trust["sentence"]))}</b><br>{escape(" ".join(facts))}'
        f'<br><span class="small">{escape(str(trust["explanation"]))}</span></div>'
    )


def _slices(
    scan: Volume, result: Volume, maps: Maps, trust: Mapping[str, Any], monitor: Monitor
) -> Iterable[str]:
    top = Normalization.of(scan.array).scale
    bound = 4 * float(trust["tolerance"])
    most = 0.0 if maps.spread is None else float(np.percentile(maps.spread.array, 99.9))
    shown: list[tuple[str, Volume | None, Window]] = [
        ("scan", _within(scan, result.grid), Window(0, top)),
        ("result", result, Window(0, top)),
        (
            f"residual, ±{bound:.3g}",
            maps.residual and _within(maps.residual, result.grid),
            Window(-bound, bound, "berlin"),
        ),
        (f"spread, 0 to {most:.3g}", maps.spread, Window(0, most, "magma")),
        (f"error, ±{0.2 * top:.3g}", maps.error, Window(-0.2 * top, 0.2 * top, "berlin")),
    ]
    yield "<h2>Slices and maps</h2>"
    for done, plane in enumerate(PLANES):
        monitor.step("report", done, len(PLANES))
        cells = [
            _figure(volume, plane, window, title) for title, volume, window in shown if volume is not None
        ]
        yield f'<div class="row">{"".join(cells)}</div>'


def _figure(volume: Volume, plane: str, window: Window, title: str) -> str:
    data, width = picture(volume, plane, window)
    text = f"{plane}, {title}"
    image = f'<img alt="{escape(text)}" style="aspect-ratio:{width:.4f}" src="{data}">'
    return f"<figure>{image}<figcaption>{escape(text)}</figcaption></figure>"


def _within(volume: Volume, grid: Grid) -> Volume:
    """The part of a volume that another grid's field of view covers."""
    box = []
    for axis, indices in enumerate(np.nonzero(covered(volume, grid))):
        box.append((int(indices.min()), int(indices.max()) + 1) if indices.size else (0, volume.shape[axis]))
    (i0, i1), (j0, j1), (k0, k1) = box
    return volume.cropped((i0, j0, k0), (i1, j1, k1))


def _rows(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    best = max(rows, key=lambda row: float(row["psnr_mask"]))
    lines = ["<h2>Models compared</h2><table><tr>" + "".join(f"<th>{h}</th>" for h in HEADINGS) + "</tr>"]
    for row in rows:
        cells = [
            f"<td>{escape(str(row['model']))}</td>",
            *(f'<td class="number">{_number(row.get(c))}</td>' for c in COLUMNS[1:]),
        ]
        lines.append(f"<tr{' class=best' if row is best else ''}>{''.join(cells)}</tr>")
    return "".join(lines) + "</table>"


def _number(value: Any) -> str:
    """A score to four digits; a dash for one that was not measured."""
    return "–" if value is None else f"{float(value):.4g}"


def _scan_tables(scan: Volume, result: Volume) -> str:
    tables = []
    for title, volume in (("Scan", scan), ("Result", result)):
        facts = {
            "voxels": " × ".join(map(str, volume.shape)),
            "voxel size (mm)": " × ".join(f"{s:.4g}" for s in volume.spacing),
            "axes point to": volume.orientation,
            "brightness": f"{float(volume.array.min()):.5g} to {float(volume.array.max()):.5g}",
            "SHA-256 of the voxels": hashlib.sha256(
                np.ascontiguousarray(volume.array, dtype="<f4").tobytes()
            ).hexdigest(),
        }
        tables.append(f"<h2>{title}</h2>" + _table(facts))
    return "".join(tables)


def _settings(record: Mapping[str, Any], with_names: bool) -> str:
    kept = {
        k: v for k, v in record.items() if k not in ("trust", "statement") and (with_names or k not in NAMES)
    }
    return "<h2>Model and settings</h2>" + _table(kept) if kept else ""


def _card(model: str) -> str:
    if not model:
        return ""
    try:
        data = find(model).readable
    except CatalogError:
        return ""
    told = {k: v for k, v in data.items() if v not in ([], {}, None) and k != "hyperparameters"}
    return f"<h2>Model card: {escape(model)}</h2>" + _table(told)


def _table(facts: Mapping[str, Any]) -> str:
    lines = (
        f"<tr><th>{escape(str(k).replace('_', ' '))}</th><td>{_value(v)}</td></tr>"
        for k, v in facts.items()
        if v is not None
    )
    return f"<table>{''.join(lines)}</table>"


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "<br>".join(f"{escape(str(k).replace('_', ' '))}: {_value(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        nested = any(isinstance(v, Mapping) or len(str(v)) > 24 for v in value)
        return ("<br>" if nested else ", ").join(_value(v) for v in value)
    text = escape(str(value))
    return f"<code>{text}</code>" if isinstance(value, str) and len(value) == 64 else text
