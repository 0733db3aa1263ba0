"""A file as it lies there, whatever its name says of compression."""

from __future__ import annotations

import gzip
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GZIP = b"\x1f\x8b"


@dataclass(frozen=True)
class Source:
    """A file that may be compressed by gzip; what it begins with tells, not its name."""

    path: Path

    @property
    def compressed(self) -> bool:
        """Whether it is."""
        with self.path.open("rb") as file:
            return file.read(2) == GZIP

    @contextmanager
    def opened(self) -> Iterator[Any]:
        """Its content, not compressed."""
        with gzip.open(self.path) if self.compressed else self.path.open("rb") as file:
            yield file

    @property
    def note(self) -> tuple[str, ...]:
        """A sentence where the name says otherwise."""
        named = self.path.name.lower().endswith(("gz", ".mgz"))
        if named == self.compressed:
            return ()
        return (
            f"{self.path.name} is {'not ' if named else ''}compressed, although its name says otherwise; rename it for other programs.",
        )
