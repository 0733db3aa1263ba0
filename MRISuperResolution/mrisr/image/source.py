"""A file as it lies there, whatever its name says of compression."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

GZIP = b"\x1f\x8b"

LEFT = 64
"""So many MB behind its voxels a file is read on, for its checksum."""


@dataclass(frozen=True)
class Source:
    """A file that may be compressed by gzip; what it begins with tells, not its name."""

    path: Path

    @property
    def compressed(self) -> bool:
        """Whether it is."""
        with self.path.open("rb") as file:
            return file.read(2) == GZIP

    def flaw(self, file: Any) -> tuple[str, ...]:
        """A sentence if what is left of an opened file shows that its checksum is wrong."""
        if not self.compressed:
            return ()
        try:
            for _ in range(LEFT):
                if not file.read(2**20):
                    break
        except OSError as error:  # what is not compressed any more behind the end is nobody's
            if "CRC" in str(error):
                return (
                    f"{self.path.name} does not have the checksum that it says: it may be damaged, so compare it with another copy.",
                )
        except (EOFError, zlib.error):
            pass
        return ()

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
