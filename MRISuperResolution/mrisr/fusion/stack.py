"""A scan on its way into the volume: brought to the reference's brightness, placed, and with what it says of volumes on a grid."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ..image.arrays import Array, on_host
from ..image.grid import Grid
from ..image.normalization import Normalization
from ..image.volume import Volume
from ..physics.moved import MovedOperator, slice_axis, slice_by_slice
from ..physics.observation import Observation, Operator
from ..physics.resampling import Resampling, Transform
from ..pipeline.planning import Plan
from ..trust.circumstances import Circumstances
from ..trust.verdict import Verdict, judge
from ..trust.yardstick import Yardstick
from .reconstruction import Part
from .registration import Registration
from .suitability import Scan

COVERED = 0.02
"""A voxel whose profile reaches beyond the volume by more than this share of its weight does not count."""


@dataclass(frozen=True, eq=False)
class Stack:
    """One scan.

    Args:
        scan: as it came.
        volume: its voxels, where the reference's peak is 1.
        plan: how it was made, and its own refined grid.
        noise: its standard deviation, as a fraction of the brightness; 0 where it cannot be told from anatomy.
        transform: where it lies, from where its header says.
        found: how it was registered; None for the reference, and where the headers are believed.
        slices: places of single slices, if each has its own.
    """

    scan: Scan
    volume: Volume
    plan: Plan
    noise: float
    transform: Transform
    found: Registration | None = None
    slices: tuple[Transform, ...] = ()

    def operator(self, target: Grid, transform: Transform | None = None) -> Operator:
        """A, with the scan where it is or elsewhere."""
        place = self.transform if transform is None else transform
        stays = np.array_equal(place, np.eye(4))
        return Observation(self.volume, self.plan.acquisition, None if stays else place).operator(target)

    def slice_operators(self, target: Grid) -> list[MovedOperator]:
        """A of each slice."""
        transform = self.transform
        moved = Observation(self.volume, self.plan.acquisition, transform).operator(target)
        assert isinstance(moved, MovedOperator)  # as that of any scan with a transform
        grid = self.volume.grid
        transforms = self.slices or (transform,) * grid.shape[slice_axis(grid)]
        return list(slice_by_slice(moved, grid, transforms).slices)

    def part(self, target: Grid, like: Array) -> Part:
        """What it says of volumes on a grid.

        Args:
            target: the grid.
            like: any volume on it, on the device where all is computed.
        """
        measurement = Observation(self.volume, self.plan.acquisition, self.transform).of(target).beside(like)
        operator = self.operator(target)
        if self.slices and isinstance(measurement.operator, MovedOperator):
            operator = slice_by_slice(measurement.operator, self.volume.grid, self.slices)
        covered = (abs(operator.forward(like * 0 + 1) - 1) < COVERED).to(like.dtype)
        return Part(
            replace(measurement, operator=operator), covered, self.noise, slice_axis(self.volume.grid)
        )

    def verdict(self, part: Part, x: Array, target: Grid, scale: Normalization) -> Verdict:
        """The result on the scan's own axes against the scan, as any result is judged; what it does not cover is left out.

        Args:
            part: see above.
            x: the result, on `target`.
            target: its grid.
            scale: of the reference.
        """
        fine = self.plan.target
        seen = Resampling(target, fine, self.transform).forward(x)
        own = Observation(self.volume, self.plan.acquisition)
        covered = on_host(part.covered) > 0
        agreeing = np.abs(on_host(own.operator(fine).forward(seen)))
        # Slices may lie each elsewhere: what they leave unexplained there is judged here.
        rest = on_host(part.measurement.residual(x)) * covered
        own = replace(own, volume=self.volume.with_array(agreeing - rest))
        yardstick = Yardstick(own.volume, own.of(fine).beside(seen), fine, self.noise)
        circumstances = Circumstances(self.plan.doubt, self.plan.source == "assumed")
        verdict = judge(seen, yardstick, scale.scale, circumstances=circumstances)
        i, j, k = (self.transform @ [*verdict.worst_ras, 1.0])[:3].round(3).tolist()
        unsure = self.found is not None and not self.found.converged
        return replace(verdict, worst_ras=(i, j, k), color="red" if unsure else verdict.color)
