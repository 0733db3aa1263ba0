"""The rows of a table as a file."""

from __future__ import annotations

import json
from pathlib import Path

from ..image.replacement import replacing


def write_rows(path: Path, rows: list[dict[str, object]]) -> None:
    """Write the rows of a table as JSON."""
    with replacing(path) as partial:
        partial.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
