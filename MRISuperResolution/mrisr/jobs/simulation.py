"""Make a low-resolution scan from a file, for teaching and testing."""

from __future__ import annotations

from pathlib import Path

from ..errors import InputError
from ..image.files import read_volume, written
from ..image.normalization import Normalization
from ..image.volume import Volume
from ..physics.protocols import prepare_reference, protocol_named
from ..pipeline.provenance import recorded, version
from ..progress import Monitor
from .batch import check_outputs

SIMULATED = "Simulated scan, made from another one."


def simulate(volume: Volume, protocol: str, axis: int | None = None, seed: int = 0) -> Volume:
    """The scan that `protocol` makes of a volume, in the volume's units; brighter than its 99.9th percentile is clipped.

    Args:
        volume: the reference.
        protocol: a name, see `protocols.PROTOCOLS`.
        axis: see `Protocol.affected`.
        seed: of the noise.
    """
    if seed < 0:
        raise InputError(f"The seed must be 0 or more; got {seed}.")
    scan = protocol_named(protocol).simulate(prepare_reference(volume), axis=axis, seed=seed)
    return scan.with_array(Normalization.of(volume.array).invert(scan.array))


def simulate_file(
    source: Path, output: Path, protocol: str, *, axis: int | None = None, seed: int = 0, monitor: Monitor | None = None
) -> Volume:
    """Read a scan, simulate a coarser one from it, and write that with its record beside it (`.json`)."""
    monitor = monitor or Monitor()
    check_outputs(source, output)
    protocol_named(protocol)
    monitor.step("reading", 0, 1)
    volume = read_volume(source)
    monitor.step("simulation", 0, 1)
    scan = simulate(volume, protocol, axis, seed)
    monitor.step("writing", 0, 1)
    record = {"statement": SIMULATED, "input": source.name, "protocol": protocol, "axis": axis, "seed": seed, "mrisr": version()}
    with written(scan, output), recorded(output, record):
        monitor.cancel.check()
    monitor.progress("writing", 1, 1)
    return scan
