"""Does "try on my scan" rank the models as the truth does, choose one of the best and promise what it gains?

On boxes of the validation scans, where the truth is known. Orders by a few protocols that are told; choices and promises by the scanner
set, of which nobody is told anything. `MRISR_BENCH_SIDE` sets the boxes' side for these, in voxels.
"""

import os
from collections.abc import Iterator
from itertools import combinations

from benchmarks import Finding
from engine.conftest import DATA
from mrisr.evaluation.scores import DEFAULT, TOLD, Row, compare, load_all
from mrisr.evaluation.trial import fitting, try_on
from mrisr.image.files import read_volume
from mrisr.image.volume import Volume
from mrisr.physics.protocols import PROTOCOLS, prepare_reference
from mrisr.pipeline.settings import Settings

SCANS = ("philips_mprage_t1", "uih_t1_s1", "M2307_t2", "ljcs_p19_flair", "ds011_sub-10_t1", "ds011_sub-14_t1")
"""The headline set: truly resolved on its grid, three contrasts."""

NAMES = ("iso2", "iso2-noisy", "thick4", "kspace-2x2")

SIDE = 96
"""Side of the box in the middle of each head that is used, in voxels."""

TIE = 0.05
"""Models nearer to each other than this, in dB, have no true order."""


SET = ("iso2", "iso2-noisy", "iso2-kspace", "iso2-rect", "thick4", "thick4-rect", "thick4-gap", "thick4-thin")
"""Scans as scanners make them."""

USED = {"iso": ("edsr3d-iso2", "gradient-filters-iso2"), "thick": ("edsr3d-thick", "gradient-filters-thick")}
"""Models for protocols whose names begin so."""

CHOSEN_SIDE = int(os.environ.get("MRISR_BENCH_SIDE", "64"))

NEAR = 0.2
"""A choice is right if no model is better by more, in dB."""


def middle(volume: Volume, side: int = SIDE) -> Volume:
    """The box in the middle."""
    (i, j, k), (a, b, c) = (
        (max(0, (n - side) // 2) for n in volume.shape),
        (min(n, (n - side) // 2 + side) for n in volume.shape),
    )
    return volume.cropped((i, j, k), (a, b, c))


def agreements(truth: list[Row], own: list[Row]) -> Iterator[bool]:
    """For each pair of models with a true order, whether the two rankings agree."""
    real, seen = ({row.model: row.psnr_mask for row in rows} for rows in (truth, own))
    for first, second in combinations(real, 2):
        if abs(real[first] - real[second]) >= TIE:
            yield (real[first] > real[second]) == (seen[first] > seen[second])


def measure() -> Iterator[Finding]:
    everything: list[bool] = []
    for name in NAMES if DATA.is_dir() else ():
        found = list(_protocol(name))
        everything += found
        yield Finding(
            f"pairs of models ranked as the truth ranks them, {name}, of {len(found)}",
            100 * sum(found) / len(found),
            "%",
        )
    if everything:
        share = 100 * sum(everything) / len(everything)
        yield Finding(
            f"pairs of models ranked as the truth ranks them, all {len(everything)}", share, "%", floor=80
        )
        yield from _choices()


def _choices() -> Iterator[Finding]:
    """How far the chosen model is behind the best, and the promised gain from the true one."""
    behind, missed, errors = [], [], []
    for name in SET:
        models = next(models for kind, models in USED.items() if name.startswith(kind))
        for scan in SCANS:
            box = middle(read_volume(DATA / "val" / f"{scan}.nii.gz"), CHOSEN_SIDE)
            reference = prepare_reference(box)
            rows = compare(scan, box, PROTOCOLS[name], load_all(models), acquisition=DEFAULT).rows
            truth = {row.model: row.psnr_mask for row in rows}
            own = try_on(PROTOCOLS[name].simulate(reference), models, Settings(target=reference.grid))
            behind.append(max(truth.values()) - truth[own.best])
            missed.append(own.gain - (truth[own.best] - truth["cubic"]))
            errors.append(own.error)
    near, of = [value <= NEAR for value in behind], f"{len(behind)} scans as scanners make them"
    yield Finding(f"choices within {NEAR} dB of the best, {of}", 100 * sum(near) / len(near), "%", floor=80)
    yield Finding(f"worst choice, {of}: behind the best", max(behind), "dB")
    bias, rms = sum(missed) / len(missed), (sum(value**2 for value in missed) / len(missed)) ** 0.5
    yield Finding(f"promised gain less the true one, {of}: mean", bias, "dB")
    yield Finding(f"promised gain less the true one, {of}: root mean square", rms, "dB")
    inside = [abs(value) <= 2 * error for value, error in zip(missed, errors, strict=True)]
    yield Finding(
        f"true gains within two standard errors, {of}", 100 * sum(inside) / len(inside), "%", floor=80
    )


def _protocol(name: str) -> Iterator[bool]:
    protocol = PROTOCOLS[name]
    for scan in SCANS:
        volume = middle(read_volume(DATA / "val" / f"{scan}.nii.gz"))
        reference = prepare_reference(volume)
        degraded = protocol.simulate(reference)
        acquisition = protocol.acquisition(protocol.affected(reference.orientation))
        models = fitting(degraded.grid.factor_to(reference.grid), acquisition)
        truth = compare(scan, volume, protocol, load_all(models), acquisition=TOLD).rows
        own = try_on(degraded, models, Settings(target=reference.grid, acquisition=acquisition)).rows
        yield from agreements(truth, own)
