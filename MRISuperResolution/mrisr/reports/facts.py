"""What a report holds beside its pictures: scores, voxels, settings, the model's card."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

import numpy as np

from ..errors import CatalogError
from ..image.volume import Volume
from ..models.catalog import find
from .page import facts_table, folded

NAMES = ("input", "source", "output")
"""Keys of a record that may hold a name."""

COLUMNS = ("model", "psnr_mask", "ssim_mask", "psnr", "ssim", "nrmse", "seconds", "peak_memory_mb")
HEADINGS = (
    "model",
    "nearness in the head (PSNR, dB)",
    "likeness in the head (SSIM)",
    "nearness (PSNR, dB)",
    "likeness (SSIM)",
    "error (NRMSE)",
    "seconds",
    "memory (MB)",
)

MEANING = (
    "Nearness: how close a model came to the image that was to be found, in decibels (peak signal-to-noise ratio); more is nearer, 1 dB "
    "more is 11 % less error, 6 dB half the error. Likeness: how alike the structures are, 1 being the same (structural similarity). "
    "Error: what is wrong, as a part of the image's own strength; 0 is none."
)


def scores_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """How near several models came, and what the numbers mean; empty without rows."""
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
    return f'<div class="scroll">{"".join(lines)}</table></div><p class="small">{escape(MEANING)}</p>'


def voxels_of(scan: Volume, result: Volume) -> str:
    """Size, place and checksums of both."""
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
        tables.append(f"<div><h3>{title}</h3>{facts_table(facts)}</div>")
    return folded("Scan and result: voxels and checksums", f'<div class="columns">{"".join(tables)}</div>')


def settings_of(record: Mapping[str, Any], with_names: bool) -> str:
    """How the result was made; what may hold a name only if asked."""
    kept = {
        k: v for k, v in record.items() if k not in ("trust", "statement") and (with_names or k not in NAMES)
    }
    return folded("Model and settings", facts_table(kept)) if kept else ""


def card_of(model: str) -> str:
    """All that a model's card says; empty where there is none."""
    if not model:
        return ""
    try:
        data = find(model).readable
    except CatalogError:
        return ""
    told = {k: v for k, v in data.items() if v not in ([], {}, None) and k != "hyperparameters"}
    return folded(f"Model card: {model}", facts_table(told))


def _number(value: Any) -> str:
    """A score to four digits; a dash for one that was not measured."""
    return "–" if value is None else f"{float(value):.4g}"
