"""Make a low-resolution scan from a file, for teaching and testing."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

import numpy as np

from ..errors import InputError
from ..image.files import read_volume, stem_of, suffix_of, write_beside
from ..image.normalization import Normalization
from ..image.replacement import Replacement
from ..image.series import Choice
from ..image.volume import Volume
from ..physics.protocols import prepare_reference, protocol_named
from ..physics.stacks import STACKS, Motion
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
        protocol: a name, see `protocols.PROTOCOLS` and `stacks.STACKS`; of several scans, `low.nii.gz` stands for `low_1.nii.gz`,
            `low_2.nii.gz` and so on.
        axis: see `Protocol.affected`.
        seed: of noise and motion.
        noise: of several scans, as a fraction of the peak.
        motion: of the subject between and in several scans.
        choice: of several series or volumes that the input's files hold.
    """

    input: Path
    output: Path
    protocol: str = "iso2"
    axis: int | None = None
    seed: int = 0
    noise: float = 0.0
    motion: Motion = field(default_factory=Motion)
    choice: Choice = field(default_factory=Choice)


@dataclass(frozen=True)
class Reply:
    """What was written: the files; voxels and spacing in mm of the first."""

    output: Path
    shape: tuple[int, ...]
    spacing: tuple[float, ...]
    outputs: tuple[Path, ...] = ()


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
    if request.protocol in STACKS:
        return _stacks(request, monitor)
    if request.noise or request.motion != Motion():
        raise InputError("Noise and motion can be chosen for several scans only, such as stacks3-thick4.")
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
    return Reply(request.output, scan.shape, scan.spacing, (request.output,))


def _stacks(request: Request, monitor: Monitor) -> Reply:
    """Several scans, numbered, each with the truth of where it lies in its record."""
    protocol = STACKS[request.protocol]
    if request.seed < 0 or request.noise < 0 or request.axis is not None:
        raise InputError(
            "Seed and noise must be 0 or more, and the protocols of several scans choose their axes."
        )
    outputs = outputs_of(request)
    for output in outputs:
        check_outputs(request.input, output)
    monitor.step("reading", 0, 1)
    volume = read_volume(request.input, request.choice)
    monitor.step("simulation", 0, 1)
    scale = Normalization.of(volume.array)
    made = {"protocol": request.protocol, "seed": request.seed, "noise": request.noise}
    stacks = protocol.simulate(prepare_reference(volume), request.motion, request.noise, request.seed)
    monitor.step("writing", 0, 1)
    with Replacement() as files:
        for output, stack in zip(outputs, stacks, strict=True):
            record = {"statement": SIMULATED, "input": request.input.name, **made, "mrisr": version()}
            record |= {"motion": asdict(request.motion), "transforms": np.round(stack.transforms, 8).tolist()}
            scan = stack.volume.with_array(scale.invert(stack.volume.array))
            write_record(output, record, write_beside(scan, output, files), files)
        monitor.cancel.check()
    monitor.progress("writing", 1, 1)
    return Reply(outputs[0], stacks[0].volume.shape, stacks[0].volume.spacing, outputs)


def outputs_of(request: Request) -> tuple[Path, ...]:
    """The files that a simulation writes, records apart."""
    if request.protocol not in STACKS:
        return (request.output,)
    return tuple(numbered(request.output, number + 1) for number in range(STACKS[request.protocol].count))


def numbered(path: Path, number: int) -> Path:
    """The name of one of several scans.

    Example:
        >>> numbered(Path("low.nii.gz"), 2).name
        'low_2.nii.gz'
    """
    return path.with_name(f"{stem_of(path)}_{number}{suffix_of(path)}")
