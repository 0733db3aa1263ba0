"""The one road: a scan goes in, an enhanced volume comes out.

    Volume → target grid → initial estimate (interpolation) → normalize → model, tile by tile → blend
           → data consistency → de-normalize → Volume (+ residual, spread) + provenance, verdict included

Interpolation and normalization commute (every row of the interpolation sums to 1), so that normalizing first saves a pass.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from ..compute.device import Compute, free_memory, resolve
from ..compute.memory import is_out_of_memory
from ..errors import CatalogError, OutOfMemory
from ..image.grid import Grid
from ..image.normalization import Normalization
from ..image.volume import Volume, check_volume
from ..models import catalog
from ..models.base import Context, Model
from ..packages import needed_for
from ..physics.consistency import back_project
from ..physics.interpolation import interpolate
from ..physics.observation import Observation
from ..physics.operators import SeparableOperator
from ..progress import Monitor
from ..trust.spread import Flip, Moments, flips, seeds
from ..trust.verdict import judge
from . import provenance
from .planning import plan
from .proposal import propose_for
from .region import box_in, cut, with_margin
from .settings import AUTO, Settings, informed

if TYPE_CHECKING:
    from ..compute.tiling import Tiles

Array = NDArray[np.float32]

UNCHANGED = 1e-6
"""A result that differs from its scan by no more, as a fraction of the 99.9th percentile, is the scan."""

SAMPLED_VOLUMES = 4
"""Several samples take so many more volumes of the target's size, in float32, than one, see `Model.volumes_at_peak`."""

TOO_LARGE = "The result does not fit into the free memory; ask for a smaller factor, enhance a region, or close other programs."


@dataclass(frozen=True, eq=False)
class Result:
    """What comes out.

    Args:
        volume: the enhanced scan, float32 in the scan's units.
        residual: Ax − y on the scan's grid and in its units, if asked for.
        provenance: what made it, ready for JSON; under `trust`, how far it agrees with the scan (see `trust.verdict.Verdict`).
        spread: standard deviation of the samples, on the result's grid and in the scan's units, if there were several.
    """

    volume: Volume
    residual: Volume | None
    provenance: dict[str, Any]
    spread: Volume | None = None


def enhance(
    volume: Volume,
    settings: Settings | None = None,
    *,
    monitor: Monitor | None = None,
    model: Model | None = None,
) -> Result:
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
    settings, reason = chosen(volume, settings, monitor)
    model = model or catalog.load_model(settings.model)
    scan = with_margin(volume, settings.region)
    # A region is scaled as its whole scan is: what it looks like must not depend on where its border lies.
    run = _Run(scan, Normalization.of(volume.array), model, settings, monitor)
    try:
        estimate, deviation = run.estimate()
        rest = run.residual(estimate) if settings.residual else None
        verdict = judge(
            estimate,
            run.observation,
            run.target,
            run.scale.scale,
            condition=run.plan.doubt,
            unchanged=run.left_as_it_was(estimate),
        )
        result = Volume(run.scale.invert(estimate), run.target.affine)
        spread = (
            None if deviation is None else Volume(deviation * np.float32(run.scale.scale), run.target.affine)
        )
    except (MemoryError, RuntimeError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory(TOO_LARGE) from error
    if settings.region is not None:
        wanted = volume.grid.cropped(*settings.region)
        result, spread = cut(result, wanted), spread and cut(spread, wanted)
    record = provenance.describe(model.card, run.describe(volume), run.compute, time.perf_counter() - started)
    record["trust"] = verdict.describe()
    if reason:
        record["model_reason"] = reason
    return Result(result, rest, record, spread)


def chosen(volume: Volume, settings: Settings, monitor: Monitor) -> tuple[Settings, str]:
    """The settings with what the scan tells and a model's name in the place of `auto`, and why it was chosen; the monitor is told."""
    settings = informed(settings, volume)
    if settings.model != AUTO:
        return settings, ""
    scan = volume if settings.region is None else volume.cropped(*box_in(volume, settings.region))
    planned = plan(scan.grid, settings.target, settings.acquisition, known=settings.known)
    proposal = propose_for(scan, planned, settings.device)
    monitor.log(proposal.reason)
    return replace(settings, model=proposal.model), proposal.reason


class _Run:
    """One scan on the road: what its steps share."""

    def __init__(
        self, scan: Volume, scale: Normalization, model: Model, settings: Settings, monitor: Monitor
    ) -> None:
        self.scan, self.scale, self.model, self.settings, self.monitor = scan, scale, model, settings, monitor
        self.plan = plan(scan.grid, settings.target, settings.acquisition, model.card, settings.known)
        self.acquisition, self.target, self.factor = self.plan.acquisition, self.plan.target, self.plan.factor
        _check_memory(self.target, model.volumes_at_peak + (SAMPLED_VOLUMES if settings.samples > 1 else 0))
        self.observation = Observation(scan.with_array(scale.apply(scan.array)), self.acquisition)
        self.measurement = self.observation.of(self.target)
        self.measured = self.measurement.measured
        self.compute = self._compute()
        self.tile = settings.tile
        steps = settings.consistency
        self.consistency = model.card.consistency if steps is None else steps
        self.warning = model.card.misfit(
            self.factor, self.acquisition.kspace, self.acquisition.profile, self.acquisition.width
        )
        for sentence in filter(None, (self.plan.contradiction, self.warning)):
            monitor.log(sentence)

    def estimate(self) -> tuple[Array, Array | None]:
        """The enhanced scan on the target grid, normalized; and the standard deviation of its samples, if there are several."""
        self.monitor.step("interpolation", 0, 1)
        initial = interpolate(self.measured, self.scan.grid, self.target, self.model.card.initial)
        self.monitor.step("interpolation", 1, 1)
        ways = self._ways()
        if len(ways) == 1:
            return self._sample(initial, *ways[0]), None
        moments = Moments()
        for done, (flip, seed) in enumerate(ways):
            self.monitor.step("samples", done, len(ways))
            moments.add(self._sample(initial, flip, seed))
        self.monitor.step("samples", len(ways), len(ways))
        return moments.mean, moments.deviation * np.float32(self.model.card.spread_scale)

    def _ways(self) -> list[tuple[Flip, int]]:
        """The runs to make: flips of the scan, or seeds of a model that draws random numbers."""
        count, seed = max(1, self.settings.samples), self.settings.seed
        if self.model.stochastic:
            return [(Flip(), s) for s in seeds(seed, count)]
        return [(flip, seed) for flip in flips(self.scan.grid, self.target, count)]

    def _sample(self, initial: Array, flip: Flip, seed: int) -> Array:
        """One run, on the scan flipped this way."""
        turned = flip.array(initial)
        tiles = self._tiles(turned)
        estimate = flip.array(self.model.restore(turned, self._context(tiles, flip, seed)))
        if tiles:  # a lack of memory may have changed them; the next sample and the record take that up
            self.compute, self.tile = tiles.compute, tiles.side
        if self.settings.detail < 1:
            estimate = initial + np.float32(self.settings.detail) * (estimate - initial)
        # On the models' scale the scan's peak is 1, of which the acquisition's noise is a fraction.
        return back_project(
            estimate, self.measurement, self.consistency, self.monitor, noise=self.acquisition.noise
        )

    def left_as_it_was(self, estimate: Array) -> bool:
        """Whether the result is the scan itself."""
        return self.plan.keeps_matrix and bool(np.abs(estimate - self.measured).max() <= UNCHANGED)

    def residual(self, estimate: Array) -> Volume:
        """What the estimate says beyond the scan, in its units and on its grid; see `observation.Measurement.residual`."""
        return self.scan.with_array(self.measurement.residual(estimate) * np.float32(self.scale.scale))

    def describe(self, volume: Volume) -> dict[str, Any]:
        """The settings as they came to be used."""
        return {
            "factor": [round(f, 6) for f in self.factor],
            "input_spacing_mm": [round(s, 6) for s in volume.spacing],
            "output_spacing_mm": [round(s, 6) for s in self.target.spacing],
            "acquisition": self.acquisition.describe(),
            "acquisition_source": self.plan.source,
            "acquisition_basis": self.plan.basis,
            "acquisition_contradiction": self.plan.contradiction,
            "consistency": self.consistency,
            "detail": self.settings.detail,
            "region": self.settings.region,
            "seed": self.settings.seed,
            "samples": len(self._ways()),
            "steps": self.settings.steps,
            "tile": self.tile,
            "warning": self.warning,
        }

    def _context(self, tiles: Tiles | None, flip: Flip, seed: int) -> Context:
        operator = self.measurement.operator
        assert isinstance(operator, SeparableOperator)  # as that of any single scan on a parallel grid
        return Context(
            acquisition=self.acquisition,
            operator=flip.operator(operator),
            measured=flip.array(self.measured),
            factor=self.factor,
            seed=seed,
            monitor=self.monitor,
            tiles=tiles,
            steps=self.settings.steps,
        )

    def _compute(self) -> Compute | None:
        """Where the model's network runs; None for a model without one, which still may not be asked onto a missing device."""
        if self.model.card.sha256 is None:
            if self.settings.device != "auto":
                resolve(self.settings.device, self.settings.precision)
            return None
        compute = resolve(self.settings.device, self.settings.precision)
        if compute.note:
            self.monitor.log(compute.note)
        if self.model.double_precision and compute.device == "mps":
            return Compute("cpu")
        return compute if self.model.reduced_precision else compute.in_full_precision()

    def _tiles(self, initial: Array) -> Tiles | None:
        if self.compute is None:
            return None
        with needed_for(f"The model {self.model.card.name}", CatalogError):
            from ..compute.tile_box import TileShape
            from ..compute.tiling import Tiles, foreground_of

        shape = TileShape(**self.model.card.tile)
        return Tiles(foreground_of(initial), shape, self.compute, self.tile, self.monitor)


def _check_memory(target: Grid, volumes: int) -> None:
    """Refuse a target of which the machine cannot hold so many volumes, before anything is computed."""
    free = free_memory()
    if free is not None and volumes * 4 * target.size > free:
        raise OutOfMemory(TOO_LARGE)
