"""The one road: a scan goes in, an enhanced volume comes out.

    Volume → target grid → initial estimate (interpolation) → normalize → model, tile by tile → blend
           → data consistency → de-normalize → Volume (+ residual) + provenance

Interpolation and normalization commute (every row of the interpolation sums to 1), so that normalizing first saves a pass.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from . import catalog, provenance
from .acquisition import Acquisition
from .consistency import back_project, residual
from .device import resolve
from .errors import InputError
from .grid import Grid, Target, Triple
from .interpolation import interpolate
from .models import Context, Model
from .normalization import Normalization
from .progress import Monitor
from .protocols import protocol_named
from .volume import Volume, check_volume

Array = NDArray[np.float32]

Region = tuple[tuple[int, int, int], tuple[int, int, int]]
"""A half-open box in voxels of the scan: its first voxel and the one after its last, along i, j, k."""

REGION_MARGIN = 8
"""Voxels of the scan around a region that are enhanced along with it, so that its border is as good as its middle."""

ISOTROPIC_TOLERANCE = 1.05


@dataclass(frozen=True)
class Settings:
    """How to enhance.

    Args:
        model: name of a model, see `catalog.list_models`.
        target: the grid asked for; None makes an anisotropic scan isotropic and doubles an isotropic one.
        acquisition: how the scan was made: the name of a protocol, an `Acquisition`, or None for the usual guess, a
            Gaussian profile as wide as the spacing on every refined axis.
        consistency: back-projection steps; None for what the model's card says.
        detail: 1 is the model's estimate, 0 plain interpolation, between them a blend.
        region: enhance only this box; the result covers just the box.
        device, precision: see `device.resolve`.
        tile: side of the tiles in voxels; None for what fits the memory.
        seed: for models that draw random numbers.
        residual: whether to return the residual Ax − y as well.
    """

    model: str = "cubic"
    target: Target | Grid | None = None
    acquisition: str | Acquisition | None = None
    consistency: int | None = None
    detail: float = 1.0
    region: Region | None = None
    device: str = "auto"
    precision: str = "auto"
    tile: int | None = None
    seed: int = 0
    residual: bool = False

    def __post_init__(self) -> None:
        if not 0 <= self.detail <= 1:
            raise InputError(f"The detail strength must lie between 0 and 1; got {self.detail}.")
        if self.consistency is not None and self.consistency < 0:
            raise InputError(f"The number of consistency steps must be 0 or more; got {self.consistency}.")
        if self.tile is not None and self.tile < 1:
            raise InputError(f"The tile must have at least 1 voxel on a side; got {self.tile}.")


@dataclass(frozen=True, eq=False)
class Result:
    """What comes out.

    Args:
        volume: the enhanced scan, float32 in the scan's units.
        residual: Ax − y on the scan's grid and in its units, if asked for.
        provenance: what made it, ready for JSON.
    """

    volume: Volume
    residual: Volume | None
    provenance: dict[str, Any]


def enhance(volume: Volume, settings: Settings | None = None, *, monitor: Monitor | None = None, model: Model | None = None) -> Result:
    """Enhance a scan.

    Args:
        volume: the scan; it is not changed.
        settings: how; the defaults interpolate.
        monitor: told of progress, asked for cancellation.
        model: the model already loaded, to spare loading it again; it must be the one the settings name.

    Raises:
        MrisrError: the scan or a setting cannot be used, memory is too small, or a stop was asked for.
    """
    settings, monitor = settings or Settings(), monitor or Monitor()
    started = time.perf_counter()
    check_volume(volume)
    model = model or catalog.load_model(settings.model)
    scan = _with_margin(volume, settings.region)
    run = _Run(scan, model, settings, monitor)
    estimate = run.estimate()
    rest = run.residual(estimate) if settings.residual else None
    result = Volume(run.scale.invert(estimate), run.target.affine)
    if settings.region is not None:
        result = _cut(result, scan.grid, volume.grid.cropped(*_box(volume, settings.region)))
    record = provenance.describe(model.card, run.describe(volume), run.compute, time.perf_counter() - started)
    return Result(result, rest, record)


class _Run:
    """One scan on the road: what its steps share."""

    def __init__(self, scan: Volume, model: Model, settings: Settings, monitor: Monitor) -> None:
        self.scan, self.model, self.settings, self.monitor = scan, model, settings, monitor
        self.acquisition, self.target = plan(scan, settings.target, settings.acquisition)
        self.operator = self.acquisition.operator(self.target, scan.grid)
        self.scale = Normalization.of(scan.array)
        self.measured = self.scale.apply(scan.array)
        self.factor: Triple = scan.grid.factor_to(self.target)
        needs_torch = model.card.sha256 is not None
        self.compute = resolve(settings.device, settings.precision) if needs_torch else None
        if self.compute and not model.reduced_precision:
            self.compute = self.compute.in_full_precision()
        steps = settings.consistency
        self.consistency = model.card.consistency if steps is None else steps

    def estimate(self) -> Array:
        """The enhanced scan on the target grid, normalized."""
        self.monitor.step("interpolation", 0, 1)
        initial = interpolate(self.measured, self.scan.grid, self.target, self.model.card.initial)
        self.monitor.step("interpolation", 1, 1)
        estimate = self.model.restore(initial, self._context(initial))
        if self.settings.detail < 1:
            estimate = initial + np.float32(self.settings.detail) * (estimate - initial)
        return back_project(estimate, self.measured, self.operator, self.consistency, self.monitor)

    def residual(self, estimate: Array) -> Volume:
        """Ax − y in the scan's units, on its grid."""
        difference = residual(estimate, self.measured, self.operator) * np.float32(self.scale.scale)
        return self.scan.with_array(difference)

    def describe(self, volume: Volume) -> dict[str, Any]:
        """The settings as they came to be used."""
        return {
            "factor": [round(f, 6) for f in self.factor],
            "input_spacing_mm": [round(s, 6) for s in volume.spacing],
            "output_spacing_mm": [round(s, 6) for s in self.target.spacing],
            "acquisition": self.acquisition.describe(),
            "consistency": self.consistency,
            "detail": self.settings.detail,
            "region": self.settings.region,
            "seed": self.settings.seed,
            "warning": self.model.card.misfit(self.factor),
        }

    def _context(self, initial: Array) -> Context:
        return Context(
            acquisition=self.acquisition,
            operator=self.operator,
            measured=self.measured,
            factor=self.factor,
            seed=self.settings.seed,
            monitor=self.monitor,
            tiles=self._tiles(initial) if self.compute else None,
        )

    def _tiles(self, initial: Array) -> Any:
        from .tile_box import TileShape
        from .tiling import Tiles, foreground_of

        assert self.compute is not None
        shape = TileShape(**self.model.card.tile)
        return Tiles(foreground_of(initial), shape, self.compute, self.settings.tile, self.monitor)


def plan(scan: Volume, target: Target | Grid | None, acquisition: str | Acquisition | None) -> tuple[Acquisition, Grid]:
    """The forward model and the target grid that settings mean for a scan.

    Args:
        scan: what is to be enhanced.
        target: see `Settings`.
        acquisition: see `Settings`.
    """
    protocol = protocol_named(acquisition) if isinstance(acquisition, str) else None
    if protocol and target is None:
        affected = _affected(scan, acquisition, None)
        target = Target.factor([protocol.factor if hit else 1.0 for hit in affected])
    grid = target if isinstance(target, Grid) else (target or default_target(scan)).grid(scan.grid)
    factor = scan.grid.factor_to(grid)
    if protocol:
        return protocol.acquisition(_affected(scan, acquisition, factor)), grid
    if isinstance(acquisition, Acquisition):
        return acquisition, grid
    return Acquisition.of_factor(factor), grid


def default_target(scan: Volume) -> Target:
    """Isotropic voxels for an anisotropic scan, twice the resolution for an isotropic one."""
    lengths = [s for s, n in zip(scan.spacing, scan.shape, strict=True) if n > 1]
    if lengths and max(lengths) > ISOTROPIC_TOLERANCE * min(lengths):
        return Target.isotropic()
    return Target.factor([2.0 if n > 1 else 1.0 for n in scan.shape])


def _affected(scan: Volume, acquisition: Any, factor: Triple | None) -> tuple[bool, bool, bool]:
    """The axes a named protocol acts on: of thick slices, the one that is refined most, or has the thickest voxels."""
    protocol = protocol_named(str(acquisition))
    if protocol.axes != "one":
        return protocol.affected(scan.orientation)
    return protocol.affected(scan.orientation, int(np.argmax(factor or scan.spacing)))


def _box(volume: Volume, region: Region) -> Region:
    start, stop = region
    inside = all(0 <= a < b <= n for a, b, n in zip(start, stop, volume.shape, strict=True))
    if not inside:
        raise InputError(f"The region {start} to {stop} does not lie in the scan ({'x'.join(map(str, volume.shape))} voxels).")
    return region


def _with_margin(volume: Volume, region: Region | None) -> Volume:
    """The scan, or its box around a region."""
    if region is None:
        return volume
    start, stop = _box(volume, region)
    i, j, k = (max(0, a - REGION_MARGIN) for a in start)
    after = [min(n, b + REGION_MARGIN) for b, n in zip(stop, volume.shape, strict=True)]
    return volume.cropped((i, j, k), (after[0], after[1], after[2]))


def _cut(result: Volume, scan: Grid, region: Grid) -> Volume:
    """The part of `result` (made from `scan`) whose voxels' centres lie in `region`."""
    first = scan.axis_positions(region)
    box = []
    for axis, factor in enumerate(scan.factor_to(result.grid)):
        begin = (first[axis][0] - 0.5 + 0.5) * factor
        end = begin + region.shape[axis] * factor
        box.append((int(np.ceil(begin - 0.5 - 1e-6)), min(result.shape[axis], int(np.ceil(end - 0.5 - 1e-6)))))
    (i0, i1), (j0, j1), (k0, k1) = box
    return result.cropped((i0, j0, k0), (i1, j1, k1))
