"""Is the thick-slice network ahead of cubic interpolation whatever the axis and the factor, whole or not?"""

from collections.abc import Iterator

import numpy as np

from benchmarks import Finding
from benchmarks.bench_ranking import middle
from engine.conftest import DATA
from mrisr.evaluation.scores import TOLD, compare
from mrisr.image.files import read_volume
from mrisr.image.volume import Volume
from mrisr.models.base import Model
from mrisr.models.catalog import load_model
from mrisr.physics.protocols import Protocol

MODEL = "edsr3d-thick"
SCANS = ("uih_t1_s1", "M2307_t2", "ljcs_p19_flair")
"""Truly resolved on their grids, three contrasts."""

SIDE = 72
FACTORS = np.arange(2, 6.01, 0.5)


def measure() -> Iterator[Finding]:
    models = {name: load_model(name) for name in ("cubic", MODEL)}
    boxes = (
        [middle(read_volume(DATA / "val" / f"{scan}.nii.gz"), SIDE) for scan in SCANS]
        if DATA.is_dir()
        else []
    )
    lowest = [
        min(_gain(box, axis, factor, models) for box in boxes for axis in range(3))
        for factor in FACTORS
        if boxes
    ]
    for factor, gain in zip(FACTORS, lowest, strict=bool(boxes)):
        yield Finding(
            f"{MODEL}, factor {factor:g}: least gain over cubic, {len(boxes)} scans, every axis",
            gain,
            "dB",
            floor=0,
        )


def _gain(box: Volume, axis: int, factor: float, models: dict[str, Model]) -> float:
    """Of the network over cubic interpolation, in dB."""
    # Protocols for one axis act on the one that points from front to back: here, in turn, each.
    directions = np.roll(np.eye(3), axis - 1, axis=1)
    affine = np.eye(4)
    affine[:3, :3] = directions
    protocol = Protocol(
        name=f"axis {axis} by {factor:g}", summary="", axes="one", factor=float(factor), profile="gaussian"
    )
    cubic, network = (
        row.psnr_mask
        for row in compare("box", Volume(box.array, affine), protocol, models, acquisition=TOLD).rows
    )
    return network - cubic
