"""Artifacts made in scans of three contrasts: how often each is found, how often clean scans are warned about, and what looking costs.

The middles of all scans of `../shared/data` are looked at as they are and, the sharp ones, as the scanner set of protocols makes them.
Artifacts are made in the validation scans: those of interleaved slices in thick slices, the others in the scans as they are.
`MRISR_BENCH_SCANS=4` takes four scans or a few more, from all over the list.
"""

import csv
import os
from collections import defaultdict
from collections.abc import Callable, Iterator

import numpy as np

from benchmarks import Finding, seconds
from benchmarks.bench_ranking import SET
from engine.conftest import DATA
from engine.trust_scans import head
from mrisr.evaluation.artifact_warnings import artifacts_of
from mrisr.evaluation.guard_rails import check_scan
from mrisr.image.files import read_volume
from mrisr.image.header import Header
from mrisr.image.metrics import HEAD
from mrisr.image.normalization import Normalization
from mrisr.image.volume import Volume
from mrisr.physics.acquisition import Acquisition, rician
from mrisr.physics.protocols import PROTOCOLS, prepare_reference
from mrisr.pipeline.knowledge import known_of

COUNT = int(os.environ.get("MRISR_BENCH_SCANS", "1000"))
SIDE = 176
THICK = 1.5
FOUND, FALSE, SECONDS = 90.0, 5.0, 0.3
FEWEST = 3
"""Of fewer scans of a contrast no share is judged by itself."""

Table = dict[tuple[str, str], list[bool]]


def measure() -> Iterator[Finding]:
    found: Table = defaultdict(list)
    false: Table = defaultdict(list)
    rows = list(csv.DictReader((DATA / "index.csv").open())) if DATA.is_dir() else []
    for row in rows[:: max(1, len(rows) // COUNT)]:
        scan = _middle(read_volume(DATA / row["split"] / f"{row['id']}.nii.gz"))
        if row["split"] == "val":
            _spoil(scan, _contrast(row), found)
        for group, clean, counted in _cleaned(scan, row):
            told = set(_codes(clean)).intersection(counted)
            for code in counted:
                false[code, group].append(code in told)
            false["any of them", group].append(bool(told))
    yield from _table(found, false)
    large = head((256, 256, 256))
    yield Finding("looking at 256³", seconds(lambda: artifacts_of(large)), "s", ceiling=SECONDS)


def _table(found: Table, false: Table) -> Iterator[Finding]:
    for what in dict.fromkeys(what for what, _ in found):
        every = [hit for (other, _), hits in found.items() if other == what for hit in hits]
        floor = None if "by the voxels" in what else FOUND
        yield Finding(f"{what}: found, all {len(every)} scans", _percent(every), "%", floor=floor)
        for (other, contrast), hits in found.items():
            if other == what and len(hits) >= FEWEST:
                yield Finding(f"{what}: found, {contrast}, {len(hits)} scans", _percent(hits), "%")
    for (code, group), hits in false.items():
        yield Finding(f"{code}: false alarms, {group}, {len(hits)} scans", _percent(hits), "%", ceiling=FALSE)


def _percent(hits: list[bool]) -> float:
    return 100 * float(np.mean(hits))


def _spoil(scan: Volume, contrast: str, found: Table) -> None:
    sliced = scan if _is_thick(scan) else _thick(scan)
    for what, made in MADE.items():
        code = what.split(",")[0]
        spoilt = made(sliced if code in ("steps", "shifts") else scan)
        found[what, contrast].append(code in _codes(spoilt))
    if not _is_thick(scan):
        for what, width in GAPS.items():
            gapped = _thick(scan, "rectangle", width)
            known = known_of(gapped, Header(4 * width, 4.0, "2D", 2) if "header" in what else None)
            found[what, contrast].append("gap" in [w.code for w in check_scan(gapped, known=known)])


def _codes(scan: Volume) -> list[str]:
    """Those of artifacts, and of a gap that the voxels show."""
    told = [code for code, _ in artifacts_of(scan)]
    if _is_thick(scan):
        told += [w.code for w in check_scan(scan, known=known_of(scan)) if w.code == "gap"]
    return told


def _cleaned(scan: Volume, row: dict[str, str]) -> Iterator[tuple[str, Volume, tuple[str, ...]]]:
    """What nothing is wrong with: the group it belongs to, and the codes that are to be counted. Real slices may well have gaps."""
    sharp = row["slices"] == "3D"
    yield "as it is", scan, CODES if sharp else CODES[:-1]
    if sharp:
        truth = prepare_reference(scan)
        for name in SET:
            yield "scanner set", PROTOCOLS[name].simulate(truth), CODES[:-1] if name in GAPPED else CODES


def _middle(scan: Volume) -> Volume:
    start = [max(0, (n - SIDE) // 2) for n in scan.shape]
    stop = [min(n, a + SIDE) for n, a in zip(scan.shape, start, strict=True)]
    box = scan.cropped((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    return box.with_array(box.array.astype(np.float32))


def _contrast(row: dict[str, str]) -> str:
    return next((name for name in ("T1w", "T2w", "FLAIR") if row["contrast"].startswith(name)), "other")


def _is_thick(scan: Volume) -> bool:
    return max(scan.spacing) >= THICK * sorted(scan.spacing)[1]


def _thick(scan: Volume, profile: str = "gaussian", width: float = 1.0) -> Volume:
    made = Acquisition(profile=("none", "none", profile), width=(1.0, 1.0, width))
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


def _inverted(scan: Volume) -> Volume:
    """A photographic negative whose air is dark."""
    bright = Normalization.of(scan.array).apply(scan.array)
    return scan.with_array(np.where(bright > HEAD, 1 - bright.clip(0, 1), bright).astype(np.float32))


def _fading(axis: int, times: float = 6.0) -> Callable[[Volume], Volume]:
    """One end of the object is so many times as bright as the other."""

    def made(scan: Volume) -> Volume:
        bright = Normalization.of(scan.array).apply(scan.array)
        places = np.nonzero(bright > HEAD)[axis]
        low, high = np.quantile(places, (0.01, 0.99))
        along = ((np.arange(scan.shape[axis]) - low) / max(1.0, high - low)).clip(0, 1)
        field = np.power(times, along).reshape([-1 if a == axis else 1 for a in range(3)])
        return scan.with_array((bright * field).astype(np.float32))

    return made


def _tomogram(convert: Callable[[np.ndarray], np.ndarray]) -> Callable[[Volume], Volume]:
    """A CT of the same anatomy: soft tissue within 40 Hounsfield units, a skull around it, and air."""

    def made(scan: Volume) -> Volume:
        from scipy.ndimage import binary_erosion, binary_fill_holes

        bright = Normalization.of(scan.array).apply(scan.array)
        inside = binary_fill_holes(bright > HEAD)
        bone = inside & ~binary_erosion(inside, iterations=4, border_value=1)
        noise = np.random.default_rng(0).normal(0, 6, bright.shape)
        units = np.where(inside, 20 + 40 * bright.clip(0, 1), -1000) + noise
        return scan.with_array(convert(np.where(bone, 1000 + noise, units)))

    return made


CODES = ("modality", "steps", "shifts", "ghost", "spike", "noise", "negative", "falloff", "gap")

MADE: dict[str, Callable[[Volume], Volume]] = {
    "steps": lambda scan: _odd(scan, lambda slices: slices * 1.08),
    "shifts": lambda scan: _odd(scan, lambda slices: np.roll(slices, 1, axis=1)),
    "ghost": lambda scan: scan.with_array(scan.array + 0.4 * np.roll(scan.array, scan.shape[1] // 2, 1)),
    "spike": _striped,
    "noise": _noisy,
    "negative": _inverted,
    "falloff, 6 times along the first axis": _fading(0),
    "falloff, 6 times along the second axis": _fading(1),
    "falloff, 6 times along the third axis": _fading(2),
    "modality, CT in Hounsfield units": _tomogram(lambda units: units.astype(np.int16)),
    "modality, CT with 1024 added": _tomogram(lambda units: (units + 1024).clip(0).astype(np.int16)),
    "modality, CT in 8 bits": _tomogram(lambda units: ((units + 1024) / 12).clip(0, 255).astype(np.uint8)),
}
"""What goes wrong; the code of its warning stands first."""

GAPS = {
    "gap, of 30 %, in the header": 0.7,
    "gap, of 30 %, by the voxels": 0.7,
    "gap, of 50 %, by the voxels": 0.5,
}
"""Rectangular slices so thick, over their distance. Their voxels hardly tell: what they tell is measured, not promised."""

GAPPED = ("thick4-gap", "thick4-thin")
"""Protocols whose slices have gaps."""
