"""The results of a whole data set on one page, worst first, each with a link to its own."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from ..bids.choices import Choice
from ..bids.table import Row
from ..image.replacement import replacing
from ..pipeline.provenance import STATEMENT
from .report import STYLE

COLORS = {
    "green": "#2e8b57",
    "amber": "#d99a00",
    "red": "#c0392b",
    "failed": "#c0392b",
    "left out": "#8a93a0",
}

HEADS = (
    "scan",
    "state",
    "model",
    "verdict",
    "ratio",
    "worst place",
    "seconds",
    "voxels (mm)",
    "what it says",
)

MORE = ".mark{display:inline-block;width:10px;height:10px;border-radius:5px;margin-right:6px}body{max-width:1400px}"


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
        f'<h1>Enhanced MRI: the whole data set</h1><p class="statement">{escape(STATEMENT)}</p>',
        f"<p>{len(rows)} rows: {escape(told)}. {seconds / 3600:.2f} h of computing.</p>",
        "<h2>Models that were chosen</h2>" + _choices(choices) if choices else "",
        "<h2>Scans, worst first</h2>" + _scans(rows),
        f'<p class="small">{escape(STATEMENT)} Not a medical device; not for diagnosis.</p>',
    ]
    head = f'<meta charset="utf-8"><title>Enhanced MRI: data set</title><style>{STYLE}{MORE}</style>'
    page = f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n'
    with replacing(path) as partial:
        partial.write_text(page + "\n".join(parts) + "\n</body></html>\n", encoding="utf-8")


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
    name = escape(row.scan)
    link = f'<a href="{escape(quote(row.report))}">{name}</a>' if row.report else name
    color = COLORS.get(row.verdict or row.state, COLORS["left out"])
    mark = f'<span class="mark" style="background:{color}"></span>'
    return [
        link,
        escape(row.state),
        escape(row.model),
        mark + escape(row.verdict or row.state),
        *(f"{value:.3g}" if value is not None else "–" for value in (row.ratio, row.worst, row.seconds)),
        escape(row.voxels_mm),
        escape(row.sentence),
    ]


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table of cells that are HTML already."""
    top = "".join(f"<th>{escape(head)}</th>" for head in heads)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in line) + "</tr>\n" for line in lines)
    return f"<table><tr>{top}</tr>\n{body}</table>"
