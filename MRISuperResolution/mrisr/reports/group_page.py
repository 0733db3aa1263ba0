"""The results of a whole data set on one page, worst first, each with a link to its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from ..bids.choices import Choice
from ..bids.table import Row
from ..pipeline.provenance import STATEMENT
from .page import folded, write_page

COLORS = {
    "green": "var(--green)",
    "amber": "var(--amber)",
    "red": "var(--red)",
    "failed": "var(--red)",
    "left out": "var(--quiet)",
}

MEANING = {
    "green": "nothing in the result contradicts its scan",
    "amber": "look before you rely on it",
    "red": "do not rely on it",
    "failed": "no result; the reason is in the table",
    "left out": "no result was asked for, or none can be made",
}
"""What each state asks for."""

HEADS = (
    "scan",
    "verdict",
    "what it says",
    "model",
    "voxels (mm)",
    "difference on the whole (× noise)",
    "at the worst place (× noise)",
    "seconds",
)

MORE = (
    ".mark{display:inline-block;width:11px;height:11px;border-radius:6px;margin-right:6px}body{max-width:1400px}"
    "ul.legend{display:flex;flex-wrap:wrap;gap:2px 28px;list-style:none;max-width:none;padding:0}td:nth-child(2){white-space:nowrap}"
    "td:first-child{min-width:190px;overflow-wrap:anywhere}td:nth-child(3){min-width:260px}"
    "@media print{@page{size:A4 landscape}td:first-child,td:nth-child(3){min-width:0}}"
)


def write_group_page(path: Path, rows: Sequence[Row], choices: Sequence[Choice]) -> None:
    """Write the page.

    Args:
        path: an HTML file in the root of the results, which its links are relative to.
        rows: see `bids.table.rows_in`.
        choices: which model was chosen for which scans.
    """
    counts = Counter(row.verdict or row.state for row in rows)
    told = ", ".join(f"{counts[key]} {key}" for key in COLORS if counts[key])
    seconds = sum(row.seconds or 0.0 for row in rows)
    parts = [
        f"<h1>Enhanced MRI of a data set: {escape(told)}</h1>",
        _legend(counts),
        f'<p class="statement">{escape(STATEMENT)}</p>',
        f'<p class="small">{seconds / 3600:.2f} h of computing.</p>',
        "<h2>Scans, worst first</h2>" + _scans(rows),
        folded("Models that were chosen, and why", _choices(choices)) if choices else "",
    ]
    write_page(path, "Enhanced MRI: data set", parts, MORE)


def _legend(counts: Counter[str]) -> str:
    """What the colors mean, of those that there are."""
    lines = "".join(
        f"<li>{_mark(key)}<b>{escape(key)}</b>: {escape(meaning)}</li>"
        for key, meaning in MEANING.items()
        if counts[key]
    )
    return f'<ul class="legend">{lines}</ul>'


def _choices(choices: Sequence[Choice]) -> str:
    lines = [
        [c.suffix, c.voxels, c.model, c.reason + (f" ({c.asked})" if c.asked else ""), ", ".join(c.scans)]
        for c in choices
    ]
    return _table(
        ["contrast", "voxels (mm)", "model", "why", "decided on"],
        [[escape(cell) for cell in line] for line in lines],
    )


def _scans(rows: Sequence[Row]) -> str:
    return _table(HEADS, [_cells(row) for row in rows])


def _cells(row: Row) -> list[str]:
    name, state = escape(row.scan), row.verdict or row.state
    link = f'<a href="{escape(quote(row.report))}">{name}</a>' if row.report else name
    model = "stacks combined" if row.state == "fused" else row.model
    numbers = (f"{value:.3g}" if value is not None else "–" for value in (row.ratio, row.worst, row.seconds))
    return [
        link,
        _mark(state) + escape(state),
        escape(row.sentence),
        escape(model),
        escape(row.voxels_mm),
        *numbers,
    ]


def _mark(state: str) -> str:
    """A dot in a state's color."""
    return f'<span class="mark" style="background:{COLORS.get(state, COLORS["left out"])}"></span>'


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>\n" for line in lines)
    return f'<div class="scroll"><table><tr>{top}</tr>\n{body}</table></div>'
