"""Many scans, one after the other: what is there already is skipped, and one bad scan does not stop the others."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import DTypeLike

from ..errors import Cancelled, FileError, MrisrError
from ..image.files import WRITABLE, check_writable, find_scans, read_volume, stem_of, suffix_of, written
from ..models import catalog
from ..models.base import Model
from ..pipeline.enhancement import Result, Settings, enhance
from ..pipeline.proposal import AUTO
from ..pipeline.provenance import check_sidecar, recorded
from ..progress import Monitor


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
    spread: Path | None = None,
    keep_type: bool = False,
    monitor: Monitor | None = None,
    model: Model | None = None,
) -> Result:
    """Read a scan, enhance it, and write the result with its provenance beside it (`.json`).

    Args:
        source: a file or a DICOM folder.
        output: where the result goes.
        settings: how.
        residual: where the residual Ax − y goes, if anywhere.
        spread: where the samples' standard deviation goes, if anywhere.
        keep_type: write the scan's own voxel type instead of float32; integers are rounded.
        monitor: told of progress, asked for cancellation.
        model: the model already loaded.

    Raises:
        MrisrError: the scan cannot be read or used, or an output cannot be written; then none is left behind.
    """
    check_outputs(source, output, residual, spread)
    monitor = monitor or Monitor()
    monitor.step("reading", 0, 1)
    volume = read_volume(source)
    result = enhance(volume, settings, monitor=monitor, model=model)
    result.provenance["input"] = source.name
    monitor.step("writing", 0, 1)
    dtype: DTypeLike = volume.array.dtype if keep_type else np.float32
    # All are written before any gets its name, the result last: a run that is killed leaves nothing that looks finished.
    with ExitStack() as files:
        files.enter_context(written(result.volume, output, dtype))
        files.enter_context(recorded(output, result.provenance))
        for volume_beside, path in ((result.residual, residual), (result.spread, spread)):
            if path is not None and volume_beside is not None:
                files.enter_context(written(volume_beside, path))
        monitor.cancel.check()
    monitor.progress("writing", 1, 1)
    return result


def check_outputs(source: Path, output: Path, *others: Path | None) -> None:
    """Raise `FileError` unless all outputs can be written, differ, and leave the input and foreign records alone."""
    outputs = [path for path in (output, *others) if path is not None]
    for path in outputs:
        check_writable(path)
        if path.resolve() == source.resolve():
            raise FileError(f"{path} is the input; choose another name for the output.")
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise FileError(f"{output.name} is asked for twice; give each output a name of its own.")
    check_sidecar(output)


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
        settings: the same for all; the model is loaded once, before the first scan, unless each scan is to get the one proposed for it.
        monitor: told of progress, asked for cancellation; `Cancelled` ends the batch.
        report: told of each outcome as it comes.
        keep_type: see `enhance_file`.
    """
    model = None if settings.model == AUTO else catalog.load_model(settings.model)
    outcomes = []
    for job in jobs:
        outcome = _one(job, settings, model, monitor, keep_type)
        report(outcome)
        outcomes.append(outcome)
    return outcomes


def jobs_of(folder: Path, output: Path, suffix: str = ".nii.gz") -> list[tuple[Path, Path]]:
    """The scans in a folder, each with its place in the folder `output`.

    A kind that cannot be written becomes `suffix`; of scans that differ only in their kind, each keeps it in its name.

    Raises:
        FileError: the two folders are the same.
    """
    if folder.resolve() == output.resolve():
        raise FileError(f"{output} is the input folder; choose another one for the output.")
    sources = find_scans(folder)
    stems = Counter(_stem(source) for source in sources)
    jobs = []
    for source in sources:
        kind = suffix_of(source) if source.is_file() and suffix_of(source) in WRITABLE else suffix
        name = _stem(source) if stems[_stem(source)] == 1 else source.name
        jobs.append((source, output / (name + kind)))
    return jobs


def _stem(source: Path) -> str:
    return source.name if source.is_dir() else stem_of(source)


def _one(job: tuple[Path, Path], settings: Settings, model: Model | None, monitor: Monitor | None, keep_type: bool) -> Outcome:
    source, output = job
    if output.exists():
        return Outcome(source, output, "skipped", "the output is there already")
    try:
        enhance_file(source, output, settings, keep_type=keep_type, monitor=monitor, model=model)
    except Cancelled:
        raise
    except MrisrError as error:
        return Outcome(source, output, "failed", str(error))
    return Outcome(source, output, "enhanced")
