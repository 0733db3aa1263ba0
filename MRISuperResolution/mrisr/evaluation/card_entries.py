"""What rows say of a model, as its card has it: quality by protocol, speed by device and precision."""

from __future__ import annotations

from datetime import UTC, datetime
from statistics import fmean, median, pstdev
from typing import Any

from ..models.card import speed_key
from .scores import TOLD

Rows = list[dict[str, Any]]
"""`Row`s as they are written to JSON."""


def known_in(row: dict[str, Any]) -> str:
    """What a written row's model knew of the acquisition; tables of earlier versions were made with all told."""
    return str(row.get("acquisition") or TOLD)


def quality(group: str, rows: Rows, model: str, protocol: str, acquisition: str = TOLD) -> dict[str, Any]:
    """One entry of a card's quality: a model and cubic interpolation on the same scans, mean and standard deviation."""
    found = [row for row in rows if row["protocol"] == protocol and known_in(row) == acquisition]
    mine = [row for row in found if row["model"] == model]
    scans = {row["scan"] for row in mine}
    cubic = [row for row in found if row["model"] == "cubic" and row["scan"] in scans]
    entry: dict[str, Any] = {
        "protocol": protocol,
        "acquisition": acquisition,
        "scans": group,
        "count": len(mine),
    }
    for name, digits in (("psnr_mask", 2), ("ssim_mask", 4)):
        for suffix, chosen in (("", mine), ("_cubic", cubic)):
            values = [row[name] for row in chosen]
            entry[name + suffix] = [round(fmean(values), digits), round(pstdev(values), digits)]
    return entry


def speeds(rows: Rows, machine: str) -> dict[str, Any]:
    """A card's `speed`: an entry for each device and precision that a model's rows were measured with on `machine`.

    Rows of earlier versions do not say in which precision a processor computed them, and are left out.
    """
    found: dict[str, Rows] = {}
    for row in rows:
        if row["device"] != "cpu" or row.get("precision"):
            found.setdefault(speed_key(row["device"], row.get("precision", "")), []).append(row)
    return {key: speed(mine, machine) for key, mine in found.items()}


def speed(rows: Rows, machine: str) -> dict[str, Any]:
    """An entry of a card's `speed`: the medians of a model's rows, measured today on `machine`; memory only where it was measured."""
    memory = [
        row["peak_memory_mb"] / row["megavoxels"] for row in rows if row.get("peak_memory_mb") is not None
    ]
    return {
        "seconds_per_megavoxel": round(median(row["seconds"] / row["megavoxels"] for row in rows), 3),
        **({"peak_memory_mb_per_megavoxel": round(max(1.0, median(memory)), 1)} if memory else {}),
        "machine": machine,
        "date": datetime.now(UTC).date().isoformat(),
    }
