"""One table of all that was made of a BIDS data set: the group level of a BIDS app."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..bids.choices import Choices
from ..bids.derivative import check_folders
from ..bids.table import Row, rows_in, write_choices, write_rows
from ..errors import FileError
from ..progress import Monitor
from .telling import Tell, nothing

SCANS, MODELS, PAGE = "group_scans.tsv", "group_models.tsv", "group_scans.html"


@dataclass(frozen=True)
class Request:
    """What to tell of: the results in `output`, made from the data set `source`."""

    source: Path
    output: Path


@dataclass(frozen=True)
class Reply:
    """The rows, and the page."""

    rows: tuple[Row, ...]
    output: Path

    @property
    def failed(self) -> bool:
        """Whether a scan failed."""
        return any(row.state == "failed" for row in self.rows)


def run(request: Request, monitor: Monitor | None = None, _tell: Tell = nothing) -> Reply:
    """Write the tables and the page.

    Raises:
        FileError: nothing was made yet, or a table cannot be written.
    """
    from ..reports.group_page import write_group_page

    monitor = monitor or Monitor()
    check_folders(request.source, request.output)
    monitor.step("collecting", 0, 1)
    rows = rows_in(request.output)
    if not rows:
        raise FileError(f"{request.output} holds no results; run the level participant first.")
    choices = list(Choices(request.output).all())
    write_rows(request.output / SCANS, rows)
    write_choices(request.output / MODELS, choices)
    write_group_page(request.output / PAGE, rows, choices)
    monitor.progress("collecting", 1, 1)
    return Reply(tuple(rows), request.output / PAGE)
