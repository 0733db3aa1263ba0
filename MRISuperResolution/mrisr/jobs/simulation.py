"""Make a low-resolution scan from a file, for teaching and testing."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from ..errors import InputError
from ..image.files import read_volume, write_beside
from ..image.normalization import Normalization
from ..image.replacement import Replacement
from ..image.series import Choice
from ..image.volume import Volume
from ..physics.protocols import prepare_reference, protocol_named
from ..pipeline.provenance import version
from ..pipeline.sidecar import write_record
from ..progress import Monitor
from .enhancement import check_outputs
from .telling import Tell, nothing

SIMULATED = "Simulated scan, made from another one."


@dataclass(frozen=True)
class Request:
    """What to simulate.

    Args:
        input: the good scan, a file or a DICOM folder.
        output: where the coarser one goes; its record lies beside it (`.json`).
        protocol: a name, see `protocols.PROTOCOLS`.
        axis: see `Protocol.affected`.
        seed: of the noise.
        choice: of several series or volumes that the input's files hold.
    """

    input: Path
    output: Path
    protocol: str = "iso2"
    axis: int | None = None
    seed: int = 0
    choice: Choice = field(default_factory=Choice)


@dataclass(frozen=True)
class Reply:
    """What was written: its file, voxels and spacing in mm."""

    output: Path
    shape: tuple[int, ...]
    spacing: tuple[float, ...]


def simulate(volume: Volume, protocol: str, axis: int | None = None, seed: int = 0) -> Volume:
    """The scan that `protocol` makes of a volume, in the volume's units; brighter than its 99.9th percentile is clipped.

    Args:
        volume: the reference.
        protocol: a name, see `protocols.PROTOCOLS`.
        axis: see `Protocol.affected`.
        seed: of the noise.

    Raises:
        InputError: the seed is negative, or there is no such protocol.
    """
    if seed < 0:
        raise InputError(f"The seed must be 0 or more; got {seed}.")
    scan = protocol_named(protocol).simulate(prepare_reference(volume), axis=axis, seed=seed)
    return scan.with_array(Normalization.of(volume.array).invert(scan.array))


def run(request: Request, monitor: Monitor | None = None, _tell: Tell = nothing) -> Reply:
    """Read a scan, simulate a coarser one from it, and write that with its record beside it.

    Raises:
        MrisrError: the scan cannot be read or used, or the output cannot be written.
    """
    monitor = monitor or Monitor()
    check_outputs(request.input, request.output)
    protocol_named(request.protocol)
    monitor.step("reading", 0, 1)
    volume = read_volume(request.input, request.choice)
    monitor.step("simulation", 0, 1)
    scan = simulate(volume, request.protocol, request.axis, request.seed)
    monitor.step("writing", 0, 1)
    made = {"protocol": request.protocol, "axis": request.axis, "seed": request.seed}
    record = {"statement": SIMULATED, "input": request.input.name, **made, "mrisr": version()}
    with Replacement() as files:
        write_record(request.output, record, write_beside(scan, request.output, files), files)
        monitor.cancel.check()
    monitor.progress("writing", 1, 1)
    return Reply(request.output, scan.shape, scan.spacing)
