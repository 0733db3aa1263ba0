"""Many scans, one after the other: what is there already is skipped, and one bad scan does not stop the others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from . import catalog
from .enhance import Result, Settings, enhance
from .errors import Cancelled, MrisrError
from .files import WRITABLE, check_writable, find_scans, read_volume, stem_of, suffix_of, write_volume
from .progress import Monitor
from .provenance import write_sidecar


@dataclass(frozen=True)
class Outcome:
    """What became of one scan: `enhanced`, `skipped` (the output was there), or `failed` with the reason."""

    source: Path
    output: Path
    state: str
    message: str = ""


def enhance_file(
    source: Path,
    output: Path,
    settings: Settings,
    *,
    residual: Path | None = None,
    keep_type: bool = False,
    monitor: Monitor | None = None,
) -> Result:
    """Read a scan, enhance it, and write the result with its provenance beside it (`.json`).

    Args:
        source: a file or a DICOM folder.
        output: where the result goes.
        settings: how.
        residual: where the residual Ax − y goes, if anywhere.
        keep_type: write the scan's own voxel type instead of float32; integers are rounded.
        monitor: told of progress, asked for cancellation.
    """
    for path in (output, residual):
        if path is not None:
            check_writable(path)
    monitor = monitor or Monitor()
    monitor.step("reading", 0, 1)
    volume = read_volume(source)
    result = enhance(volume, settings, monitor=monitor)
    result.provenance["input"] = source.name
    monitor.step("writing", 0, 1)
    dtype: DTypeLike = volume.array.dtype if keep_type else np.float32
    if residual is not None and result.residual is not None:
        write_volume(result.residual, residual)
    write_sidecar(output, result.provenance)
    write_volume(result.volume, output, dtype)
    monitor.progress("writing", 1, 1)
    return result


def enhance_all(
    jobs: Sequence[tuple[Path, Path]],
    settings: Settings,
    *,
    monitor: Monitor | None = None,
    report: Callable[[Outcome], None] = lambda _outcome: None,
    keep_type: bool = False,
) -> list[Outcome]:
    """Enhance each source into its output.

    Args:
        jobs: sources and outputs.
        settings: the same for all; the model is checked once, before the first scan.
        monitor: told of progress, asked for cancellation; `Cancelled` ends the batch.
        report: told of each outcome as it comes.
        keep_type: see `enhance_file`.
    """
    catalog.find(settings.model)
    outcomes = []
    for source, output in jobs:
        outcome = _one(source, output, settings, monitor, keep_type)
        report(outcome)
        outcomes.append(outcome)
    return outcomes


def jobs_of(folder: Path, output: Path, suffix: str = ".nii.gz") -> list[tuple[Path, Path]]:
    """The scans in a folder, each with its place in the folder `output`; a kind that cannot be written becomes `suffix`."""
    jobs = []
    for source in find_scans(folder):
        kind = suffix_of(source) if suffix_of(source) in WRITABLE else suffix
        name = source.name if source.is_dir() else stem_of(source)
        jobs.append((source, output / (name + kind)))
    return jobs


def _one(source: Path, output: Path, settings: Settings, monitor: Monitor | None, keep_type: bool) -> Outcome:
    if output.exists():
        return Outcome(source, output, "skipped", "the output is there already")
    try:
        enhance_file(source, output, settings, keep_type=keep_type, monitor=monitor)
    except Cancelled:
        raise
    except MrisrError as error:
        return Outcome(source, output, "failed", str(error))
    return Outcome(source, output, "enhanced")
