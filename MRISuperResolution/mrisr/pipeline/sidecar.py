"""The record beside a result, read back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from .provenance import sidecar_of


def read_sidecar(path: Path) -> dict[str, Any]:
    """The provenance that was written beside the result at `path`; empty if there is none."""
    try:
        record = json.loads(sidecar_of(path).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return record if isinstance(record, dict) else {}
