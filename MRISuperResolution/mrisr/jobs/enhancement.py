"""Enhance one file: read, enhance, write; all that is asked for gets its name at the end, or nothing does."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from numpy.typing import DTypeLike

from ..errors import FileError
from ..image.files import check_precision, check_writable, read_volume, write_beside
from ..image.replacement import Replacement, check_place
from ..image.series import Choice
from ..image.volume import Volume
from ..models.base import Model
from ..models.card import Card
from ..pipeline.enhancement import Result, enhance
from ..pipeline.knowledge import header_known
from ..pipeline.settings import Settings
from ..pipeline.sidecar import VOXELS, check_sidecar, fingerprint, made_from, write_record
from ..progress import Monitor
from .machine import tell_speed
from .telling import Tell, nothing

SAMPLES = 8
"""Runs whose spread is written where nobody says how many."""


@dataclass(frozen=True)
class Request:
    """What to enhance.

    Args:
        input: a file or a DICOM folder.
        output: where the result goes; its provenance lies beside it (`.json`).
        settings: how.
        residual: where the residual Ax − y goes, if anywhere.
        spread: where the samples' standard deviation goes, if anywhere; of `SAMPLES` runs unless the settings ask for several.
        keep_type: write the scan's own voxel type instead of float32; integers are rounded.
        choice: of several series or volumes that the input's files hold.
        interval: where half the width of the interval that holds the truth in 9 of 10 voxels goes, if anywhere.
    """

    input: Path
    output: Path
    settings: Settings = field(default_factory=Settings)
    residual: Path | None = None
    spread: Path | None = None
    keep_type: bool = False
    choice: Choice = field(default_factory=Choice)
    interval: Path | None = None

    @property
    def model(self) -> str | Path | Card:
        """The model that runs."""
        return self.settings.model


@dataclass(frozen=True)
class Reply:
    """What was written, and the record of it."""

    output: Path
    residual: Path | None
    spread: Path | None
    shape: tuple[int, ...]
    provenance: dict[str, Any]
    interval: Path | None = None


def run(
    request: Request,
    monitor: Monitor | None = None,
    tell: Tell = nothing,
    *,
    model: Model | None = None,
    read: Callable[[Path, Choice], Volume] = read_volume,
    told: Mapping[str, Any] | None = None,
) -> Reply:
    """Read a scan, enhance it, and write the result with its provenance beside it; `tell` hears how fast the computer is, see `machine`.

    Args:
        request: what, and how.
        monitor: told of progress, asked for cancellation.
        tell: hears of the computer.
        model: the model already loaded.
        read: reads the scan.
        told: what the record says besides.

    Raises:
        MrisrError: the scan cannot be read or used, or an output cannot be written; then none is left behind.
    """
    monitor = monitor or Monitor()
    check_outputs(request.input, request.output, request.residual, request.spread, request.interval)
    monitor.step("reading", 0, 1)
    volume = read(request.input, request.choice)
    if not request.keep_type:
        check_precision(request.output, volume.array)
    origin = made_from(request.input, request.choice)
    settings = _settings(request)
    settings = replace(settings, known=settings.known or header_known(request.input, volume, request.choice))
    tell_speed(settings, tell)
    result = enhance(volume, settings, monitor=monitor, model=model)
    voxels = {"scan": fingerprint(volume.array), "result": fingerprint(result.volume.array)}
    result.provenance.update({"input": request.input.name, VOXELS: voxels, **origin, **(told or {})})
    monitor.step("writing", 0, 1)
    _write(request, result, (volume if request.keep_type else result.volume).array.dtype, monitor)
    monitor.progress("writing", 1, 1)
    spread = request.spread if result.spread is not None else None
    shape, record = result.volume.shape, result.provenance
    return Reply(request.output, request.residual, spread, shape, record, request.interval)


def check_outputs(source: Path, output: Path, *others: Path | None) -> None:
    """Raise `FileError` unless all outputs can be written, differ, and leave the input and foreign records alone."""
    outputs = [path for path in (output, *others) if path is not None]
    for path in outputs:
        check_writable(path)
        check_place(path)
        if path.resolve() == source.resolve():
            raise FileError(f"{path} is the input; choose another name for the output.")
    if len({path.resolve() for path in outputs}) < len(outputs):
        raise FileError(f"{output.name} is asked for twice; give each output a name of its own.")
    check_sidecar(output)


def _settings(request: Request) -> Settings:
    """The settings with what the outputs ask for."""
    settings = request.settings
    samples = SAMPLES if request.spread and settings.samples < 2 else settings.samples
    return replace(
        settings,
        samples=samples,
        residual=settings.residual or request.residual is not None,
        interval=settings.interval or request.interval is not None,
    )


def _write(request: Request, result: Result, dtype: DTypeLike, monitor: Monitor) -> None:
    # All are written before any gets its name, the result last: a run that is killed leaves nothing that looks finished.
    with Replacement() as files:
        complete = write_beside(result.volume, request.output, files, dtype)
        write_record(request.output, result.provenance, complete, files)
        maps = (
            (result.residual, request.residual),
            (result.spread, request.spread),
            (result.interval, request.interval),
        )
        for volume, path in maps:
            if path is not None and volume is not None:
                write_beside(volume, path, files)
        monitor.cancel.check()
