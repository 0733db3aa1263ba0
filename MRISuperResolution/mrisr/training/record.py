"""What a run notes in its folder for whoever makes a model of it: its configuration, its scans, and what it held."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ..compute.device import resolve
from ..errors import FileError
from ..image.replacement import replacing
from .options import Options
from .split import Split

RUN = "config.json"


def write_record(
    work: Path, table: dict[str, Any], options: Options, split: Split, factors: list[float] | None = None
) -> None:
    """Write the record of a run.

    Args:
        work: the run's folder.
        table: the configuration.
        options: what the command line added.
        split: what is learned from, and what is held.
        factors: the lowest and the highest factor of real pairs; None for simulated ones, which have the configuration's.
    """
    compute = resolve(options.device, options.precision)
    record = {
        "config": table,
        "recipe": options.config.name,
        "scans": split.names,
        "root": str(split.root.absolute()),
        "held": {group: [str(path.absolute()) for path in paths] for group, paths in split.held.items()},
        "factor": factors,
        "held_pairs": [[str(path.absolute()) for path in row] for row in split.held_pairs],
        "machine": f"{compute.name}, {_threads()} threads, {compute.precision}",
    }
    with replacing(work / RUN) as partial:
        partial.write_text(json.dumps(record, indent=1) + "\n", encoding="utf-8")


def read_record(run: Path) -> dict[str, Any]:
    """The record of a run.

    Raises:
        FileError: the folder holds no run.
    """
    try:
        record: dict[str, Any] = json.loads((run / RUN).read_text(encoding="utf-8"))
        record["config"]["family"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise FileError(
            f"{run} is no training run ({RUN} is missing or damaged); name a folder such as runs/edsr3d-iso2."
        ) from error
    return record


def _threads() -> int:
    import torch

    return torch.get_num_threads()
