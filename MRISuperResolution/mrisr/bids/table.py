"""The results and failures of a whole data set as rows, worst first."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import astuple, dataclass, fields
from pathlib import Path
from typing import Any

from ..codec import read_object
from ..image.bids_name import BidsName
from ..image.replacement import replacing
from .choices import Choice
from .derivative import page_of
from .states import ScanState, States

RANKS = {"failed": 0, "red": 1, "amber": 2, "green": 3, "": 4, "left out": 5}
"""What needs to be looked at first."""

NOTHING = "n/a"
"""How BIDS writes that there is no value."""


@dataclass(frozen=True)
class Row:
    """A result, or a scan of which there is none.

    Args:
        participant_id, session_id, suffix: of the scan.
        scan: its place in the data set; several with `;` between them.
        state: see `states.State`.
        model: that made the result.
        verdict: `green`, `amber` or `red`.
        ratio, worst: of the whole head and of its worst place, see `trust.verdict`.
        seconds: that it took.
        voxels_mm: of the result.
        device: that it was made on.
        acquisition_source: who said how the scan was made.
        sentence: the verdict, or why there is no result.
        output, report: places below the output's root.
    """

    participant_id: str
    session_id: str = ""
    suffix: str = ""
    scan: str = ""
    state: str = ""
    model: str = ""
    verdict: str = ""
    ratio: float | None = None
    worst: float | None = None
    seconds: float | None = None
    voxels_mm: str = ""
    device: str = ""
    acquisition_source: str = ""
    sentence: str = ""
    output: str = ""
    report: str = ""

    @property
    def rank(self) -> tuple[int, float, str]:
        """Sorts the worst first."""
        return RANKS.get(self.verdict or self.state, RANKS[""]), -(self.ratio or 0.0), self.scan


def rows_in(output: Path) -> list[Row]:
    """The rows of a data set of results, worst first: one for each result, and one for each scan that failed last or was left out.

    Args:
        output: its root.
    """
    states = list(States(output).all())
    rows = [row for path in _records(output) if (row := _of_record(output, path)) is not None]
    rows += [_of_state(state) for state in states if state.state in ("failed", "left out")]
    return sorted(rows, key=lambda row: row.rank)


def write_rows(path: Path, rows: Sequence[Row]) -> None:
    """Write rows as BIDS writes tables (`.tsv`)."""
    _write(path, [field.name for field in fields(Row)], map(astuple, rows))


def write_choices(path: Path, choices: Sequence[Choice]) -> None:
    """Write which model was chosen for which scans, likewise."""
    lines = [(c.suffix, c.voxels, c.model, c.asked, c.reason, "; ".join(c.scans)) for c in choices]
    _write(path, ["suffix", "voxels_mm", "model", "asked", "reason", "decided_on"], iter(lines))


def _records(output: Path) -> Iterator[Path]:
    for pattern in ("sub-*/anat/*_rec-*.json", "sub-*/ses-*/anat/*_rec-*.json"):
        yield from sorted(output.glob(pattern))


def _of_record(output: Path, path: Path) -> Row | None:
    record, name = read_object(path), BidsName.of(path)
    held = record.get("output")
    volume = path.with_name(str(held.get("name"))) if isinstance(held, Mapping) else None
    if "statement" not in record or name is None or volume is None or not volume.exists():
        return None
    trust = record.get("trust") or {}
    place = volume.relative_to(output).as_posix()
    spacing = record.get("output_spacing_mm") or record.get("spacing_mm") or ()
    return Row(
        **_who(name),
        scan="; ".join(str(source).rpartition(":")[2] for source in record.get("Sources", [])),
        state="fused" if record.get("model") == "fusion" else "enhanced",
        model=str(record.get("model", "")),
        verdict=str(trust.get("color", "")),
        ratio=_number(trust.get("ratio")),
        worst=_number(trust.get("worst")),
        seconds=_number(record.get("seconds")),
        voxels_mm=" x ".join(f"{float(s):.3g}" for s in spacing),
        device=str(record.get("device", "")),
        acquisition_source=str(record.get("acquisition_source", "")),
        sentence=str(trust.get("sentence", "")),
        output=place,
        report=page_of(place) if (output / page_of(place)).is_file() else "",
    )


def _of_state(state: ScanState) -> Row:
    name = BidsName.of(state.scan)
    return Row(**_who(name or BidsName("")), scan=state.scan, state=state.state, sentence=state.reason)


def _who(name: BidsName) -> dict[str, Any]:
    session = name.entities.get("ses")
    return {
        "participant_id": f"sub-{name.entities.get('sub', '')}",
        "session_id": f"ses-{session}" if session else "",
        "suffix": name.suffix,
    }


def _number(value: Any) -> float | None:
    return float(value) if isinstance(value, (int, float)) and not isinstance(value, bool) else None


def _write(path: Path, heads: Sequence[str], rows: Iterator[Sequence[Any]]) -> None:
    with replacing(path) as partial, partial.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, delimiter="\t", lineterminator="\n", quoting=csv.QUOTE_NONE, escapechar="\\")
        table.writerow(heads)
        for row in rows:
            table.writerow([NOTHING if each in ("", None) else _cell(each) for each in row])


def _cell(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else " ".join(str(value).split())
