"""Spine, neck, knee and prostate, which no model was trained on: gains over cubic interpolation, by default and told.

The scans have thick slices, within which they are fine: that is the truth. Slices are simulated along both axes of the plane; scans of
half the resolution, of the same scan reformatted to isotropic voxels, and of cords that are isotropic. `MRISR_BENCH_SIDE` sets the sides
of the boxes, in voxels.
"""

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks import Finding
from benchmarks.bench_ranking import USED, middle
from benchmarks.fall_backs import fell_back
from engine.conftest import DATA
from mrisr.evaluation.scores import DEFAULT, TOLD, load_all, restore_all
from mrisr.image.files import read_volume
from mrisr.image.volume import Volume
from mrisr.models.base import Model
from mrisr.physics.interpolation import interpolate
from mrisr.physics.protocols import PROTOCOLS, prepare_reference
from mrisr.pipeline.settings import Settings
from mrisr.progress import Monitor

SCANS = {
    "spine": ("val/sct_test_t2s", "train/sct019_mt0"),
    "neck": ("val/ubermuda_t1",),
    "knee": ("train/pymskt_knee_pd", "train/pymskt_knee_t2"),
    "prostate": ("stacks/prostate_ax_T2w", "stacks/prostate_sag_T2w", "stacks/prostate_cor_T2w"),
}

CORDS = ("val/sct_test_t1", "val/sct_test_t2")
"""Isotropic."""

PROTOCOLS_OF = {"iso": ("iso2", "iso2-rect", "iso2-kspace"), "thick": ("thick4", "thick4-rect")}

LEAST = -0.1
"""In dB; a network that is worse on a body part is not to be proposed for it. Filters are made for one profile and judged by that alone,
all models so on reformatted scans, which no scanner makes."""

REFORMATTED = ", reformatted"

DEPTH = 104
"""Voxels across the slices of a reformatted scan: at half the resolution just enough to see that it was interpolated."""

SIDE = int(os.environ.get("MRISR_BENCH_SIDE", "80"))


@dataclass(frozen=True)
class Truth:
    """A reference, and the axis that protocols for one axis act on."""

    volume: Volume
    axis: int | None = None


def measure(fallen: list[bool]) -> Iterator[Finding]:
    """What the models gain; whether the scans fall back by default is added to `fallen`."""
    for part, names in SCANS.items():
        boxes = [_box(name) for name in names]
        planes = [Truth(box, axis) for box in boxes for axis in range(3) if axis != _across(box)]
        yield from _gains(part, "thick", planes, fallen)
        yield from _gains(f"{part}{REFORMATTED}", "iso", [Truth(_isotropic(box)) for box in boxes], fallen)
    yield from _gains("spine, isotropic", "iso", [Truth(_box(name)) for name in CORDS], fallen)


def _box(name: str) -> Volume:
    return middle(read_volume(DATA / f"{name}.nii.gz"), SIDE)


def _across(volume: Volume) -> int:
    return int(np.argmax(volume.spacing))


def _isotropic(volume: Volume) -> Volume:
    """With voxels as long across the slices as within them."""
    axis = _across(volume)
    grid = volume.grid.resampled(
        [volume.spacing[a] / min(volume.spacing) if a == axis else 1.0 for a in range(3)]
    )
    return middle(
        volume.on(grid, interpolate(volume.array.astype(np.float32), volume.grid, grid, "cubic")), DEPTH
    )


def _gains(part: str, kind: str, truths: Sequence[Truth], fallen: list[bool]) -> Iterator[Finding]:
    network, filters = USED[kind]
    models = {
        name: model for name, model in load_all(USED[kind]).items() if name in ("cubic", network, filters)
    }
    for protocol in PROTOCOLS_OF[kind]:
        for acquisition in (DEFAULT, TOLD):
            tables = [_table(truth, protocol, acquisition, models, fallen) for truth in truths]
            for model in (network, filters):
                gains = [table[model] - table["cubic"] for table in tables]
                of = f"{model} on {part}, {protocol}, {acquisition}, {len(gains)} scans"
                real = model == network and not part.endswith(REFORMATTED)
                judged = real or protocol in models[model].card.protocols
                yield Finding(f"{of}: mean", float(np.mean(gains)), "dB")
                yield Finding(f"{of}: worst scan", min(gains), "dB", floor=LEAST if judged else None)


def _table(
    truth: Truth, protocol: str, acquisition: str, models: dict[str, Model], fallen: list[bool]
) -> dict[str, float]:
    """PSNR inside the body by model."""
    made, reference = PROTOCOLS[protocol], prepare_reference(truth.volume)
    own = made.acquisition(made.affected(reference.orientation, truth.axis))
    comparison = restore_all(
        ("", protocol, acquisition),
        reference,
        made.simulate(reference, truth.axis),
        own if acquisition == TOLD else None,
        models,
        settings=Settings(),
        monitor=Monitor(),
    )
    if acquisition == DEFAULT:
        fallen.append(fell_back(comparison))
    return {row.model: row.psnr_mask for row in comparison.rows}
