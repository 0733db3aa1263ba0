"""What became of each scan, one small file a scan: several programs may work on one data set, and the next run knows what is left to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal, get_args

from ..image.replacement import replacing
from .dataset import Image
from .derivative import LOGS

State = Literal["enhanced", "fused", "left out", "failed"]

FOLDER = "scans"


@dataclass(frozen=True)
class ScanState:
    """What became of one scan.

    Args:
        scan: its place below the data set's root.
        state: `fused`, if another volume was made of it and others.
        reason: why nothing was made of it; a sentence, or the end of one.
        output: place of what was made of it, below the output's root.
        report: place of the page on that.
        kind: of the failure, see `cluster.outcome.Failed`.
        size, changed: of the file that failed, in bytes and nanoseconds: until it changes, it fails again.
        asked: what was asked for when it failed, such as the model; something else may work.
    """

    scan: str
    state: State
    reason: str = ""
    output: str = ""
    report: str = ""
    kind: str = ""
    size: int = 0
    changed: int = 0
    asked: str = ""

    def tells_of(self, path: Path) -> bool:
        """Whether the file at `path` is still the one that failed."""
        try:
            found = path.stat()
        except OSError:
            return False
        return (self.size, self.changed) == (found.st_size, found.st_mtime_ns)


class States:
    """The states in an output folder.

    Args:
        output: its root.
    """

    def __init__(self, output: Path) -> None:
        self._folder = output / LOGS / FOLDER

    def read(self, image: Image) -> ScanState | None:
        """What became of a scan; None where nobody has tried, or the file is broken."""
        return _read(self._path(image.place))

    def write(self, state: ScanState) -> None:
        """Keep what became of a scan; a file that says so already is left alone."""
        path = self._path(state.scan)
        if _read(path) == state:
            return
        with replacing(path) as partial:
            partial.write_text(json.dumps(asdict(state), indent=1) + "\n", encoding="utf-8")

    def all(self) -> Iterator[ScanState]:
        """Every state there is, by place."""
        for path in sorted(self._folder.glob("*.json")):
            if (state := _read(path)) is not None:
                yield state

    def _path(self, place: str) -> Path:
        """By the file's name, which holds subject and session; the datatype keeps apart what differs in that alone."""
        *_, datatype, name = place.split("/")
        return self._folder / f"{name.partition('.')[0]}_{datatype}.json"


def _read(path: Path) -> ScanState | None:
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    names = {field.name for field in fields(ScanState)}
    if not isinstance(data, dict) or not set(data) <= names or data.get("state") not in get_args(State):
        return None
    return ScanState(**data) if isinstance(data.get("scan"), str) else None
