"""Artifacts made in the validation scans: how often each is found, how often clean scans are warned about, and what looking costs.

Sharp scans are looked at as they are and in slices four times thicker, thick ones as they are. `MRISR_BENCH_SCANS=4` takes the first four.
"""

import os
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks import Finding, seconds
from engine.conftest import DATA
from engine.trust_scans import head
from mrisr.evaluation.artifact_warnings import artifacts_of
from mrisr.image.files import read_volume
from mrisr.image.volume import Volume
from mrisr.physics.acquisition import Acquisition, rician

COUNT = int(os.environ.get("MRISR_BENCH_SCANS", "24"))
THICK = 1.5
FOUND, FALSE, SECONDS = 0.9, 0.05, 0.3


def measure() -> Iterator[Finding]:
    hits: dict[str, list[bool]] = {}
    false: list[bool] = []
    for path in sorted((DATA / "val").glob("*.nii*"))[:COUNT]:
        scan = read_volume(path)
        scan = scan.with_array(scan.array.astype(np.float32))
        sliced = scan if _is_thick(scan) else _thick(scan)
        for code, made in MADE.items():
            spoilt = made(sliced if code in ("steps", "shifts") else scan)
            hits.setdefault(code, []).append(code in _codes(spoilt))
        false += [bool(_codes(each)) for each in ((scan,) if sliced is scan else (scan, sliced))]
    for code, found in hits.items():
        yield Finding(f"{code}, found in {len(found)} scans", float(np.mean(found)), "", floor=FOUND)
    if false:
        yield Finding(f"false alarms of {len(false)} clean scans", float(np.mean(false)), "", ceiling=FALSE)
    large = head((256, 256, 256))
    yield Finding("looking at 256³", seconds(lambda: artifacts_of(large)), "s", ceiling=SECONDS)


def _codes(scan: Volume) -> list[str]:
    return [code for code, _ in artifacts_of(scan)]


def _is_thick(scan: Volume) -> bool:
    return max(scan.spacing) >= THICK * sorted(scan.spacing)[1]


def _thick(scan: Volume) -> Volume:
    made = Acquisition(profile=("none", "none", "gaussian"))
    return made.simulate(scan, scan.grid.resampled((1, 1, 1 / 4)))


def _odd(scan: Volume, change: Callable[[np.ndarray], np.ndarray]) -> Volume:
    axis = int(np.argmax(scan.spacing))
    array = np.moveaxis(scan.array.copy(), axis, 0)
    array[::2] = change(array[::2])
    return scan.with_array(np.moveaxis(array, 0, axis))


def _noisy(scan: Volume) -> Volume:
    sigma = 0.1 * float(np.percentile(scan.array, 99.9))
    return scan.with_array(rician(scan.array, sigma, np.random.default_rng(0)))


def _striped(scan: Volume) -> Volume:
    i, j, k = np.indices(scan.shape, dtype=np.float32)
    wave = (
        0.05 * float(np.percentile(scan.array, 99.9)) * np.cos(2 * np.pi * (0.21 * i + 0.13 * j + 0.17 * k))
    )
    return scan.with_array(np.abs(scan.array + wave).astype(np.float32))


MADE: dict[str, Callable[[Volume], Volume]] = {
    "steps": lambda scan: _odd(scan, lambda slices: slices * 1.08),
    "shifts": lambda scan: _odd(scan, lambda slices: np.roll(slices, 1, axis=1)),
    "ghost": lambda scan: scan.with_array(scan.array + 0.4 * np.roll(scan.array, scan.shape[1] // 2, 1)),
    "spike": _striped,
    "noise": _noisy,
}
"""What goes wrong, by the code of the warning."""
