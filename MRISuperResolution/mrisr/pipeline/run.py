"""One scan on the road: everything that is computed, on one device.

From the normalized scan to the verdict all volumes are tensors on the model's device; those of plain interpolation, which needs no torch,
are NumPy's. They come from NumPy at the beginning and return to it at the end.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from ..compute.device import Compute, resolve
from ..compute.memory import is_out_of_memory
from ..errors import CatalogError, OutOfMemory
from ..image.arrays import Array, beside, on_device, on_host
from ..image.grid import Grid
from ..image.memory import free_memory
from ..image.noise import estimate_noise
from ..image.normalization import Normalization
from ..image.volume import Volume
from ..models.base import Context, Model
from ..packages import needed_for
from ..physics.acquisition import Acquisition
from ..physics.consistency import DISPUTED, agreed, back_project
from ..physics.interpolation import interpolate
from ..physics.observation import Observation
from ..physics.overshoot import restrained
from ..progress import Monitor
from ..trust.circumstances import Circumstances
from ..trust.spread import Flip, Mean, Moments, flips, seeds
from ..trust.verdict import BEYOND, Verdict, judge
from ..trust.yardstick import Yardstick
from .allowed import allowed_by
from .intervals import half_width_of
from .planning import plan
from .settings import Settings

if TYPE_CHECKING:
    from ..compute.tiling import Tiles

UNCHANGED = 1e-6
"""A result that differs from its scan by no more, as a fraction of the 99.9th percentile, is the scan."""

SAMPLED_VOLUMES = 4
"""Several samples take so many more volumes of the target's size, in float32, than one, see `Model.volumes_at_peak`."""

TOO_LARGE = "The result does not fit into the free memory; ask for a smaller factor, enhance a region, or close other programs."


@dataclass(frozen=True, eq=False)
class Outcome:
    """What a run computes, in the scan's units: the enhanced scan on the target grid, and what is told of it."""

    volume: Volume
    residual: Volume | None
    spread: Volume | None
    verdict: Verdict
    interval: Volume | None = None


class Run:
    """One scan on the road: what its steps share.

    Args:
        scan: what is to be enhanced.
        whole: the scan that it was cut out of, or itself. Brightness and noise are those of all of it, for what a region looks like must
            not depend on where its border lies.
    """

    def __init__(
        self, scan: Volume, whole: Volume, model: Model, settings: Settings, monitor: Monitor
    ) -> None:
        self.scan, self.model, self.settings, self.monitor = scan, model, settings, monitor
        self.scale = scale = Normalization.of(whole.array)
        self.plan = plan(scan.grid, settings.target, settings.acquisition, model.card, settings.known)
        self.acquisition, self.target, self.factor = self.plan.acquisition, self.plan.target, self.plan.factor
        _check_memory(self.target, model.volumes_at_peak + (SAMPLED_VOLUMES if settings.samples > 1 else 0))
        self.observation = Observation(scan.with_array(scale.apply(scan.array)), self.acquisition)
        self.noise = estimate_noise(whole.array, whole.spacing, self.acquisition.kspace) / scale.scale
        self.is_positive = scale.offset >= 0 and bool(whole.array.min() >= scale.offset)
        self.compute = self._compute()
        self.tile = settings.tile
        steps = settings.consistency
        self.consistency = model.card.consistency if steps is None else steps
        self.warning = model.card.misfit(
            self.factor, self.acquisition.kspace, self.acquisition.profile, self.acquisition.width
        )
        for sentence in filter(None, (self.plan.contradiction, self.warning)):
            monitor.log(sentence)

    def outcome(self) -> Outcome:
        """All that is computed; on the CPU where the device's memory is too small for what is beside the network."""
        try:
            return self._outcome()
        except (MemoryError, RuntimeError) as error:
            if not is_out_of_memory(error):
                raise
            if self.compute is None or self.compute.device == "cpu":
                raise OutOfMemory(TOO_LARGE) from error
            self.monitor.log(
                f"Out of memory on {self.compute.device}: going on with the CPU, which is slower."
            )
        self.compute, self.tile = Compute("cpu"), self.settings.tile
        return self.outcome()

    def _outcome(self) -> Outcome:
        self.measurement = self.observation.of(self.target).beside(
            self._placed(self.observation.volume.array)
        )
        self.claims = Mean()
        self.others = [replace(self.observation, acquisition=a).of(self.target) for a in self.plan.plausible]
        estimate, deviation = self.estimate()
        rest = self.residual(estimate) if self.settings.residual else None
        verdict = self.verdict(estimate)
        if verdict.beyond_percent >= BEYOND:
            self.monitor.log(
                f"{verdict.beyond_percent:.1f} % of the head is brighter than anything in the scan: look there before you rely on it."
            )
        spread = None if deviation is None else self._on_target(deviation * self.scale.scale)
        return Outcome(self._in_units(estimate), rest, spread, verdict, half_width_of(self, estimate))

    def verdict(self, estimate: Array) -> Verdict:
        """How far to trust an estimate, and what the network said before it was drawn to the scan."""
        judged = allowed_by(self.plan, self.settings.known)
        made = (judged.acquisition, judged.seen, self.plan.told)
        each = {acquisition: self._yardstick(acquisition, estimate) for acquisition in made}
        yardstick, seen, told = (each[acquisition] for acquisition in made)
        circumstances = Circumstances(
            condition=self.plan.doubt,
            assumed=self.plan.source == "assumed",
            outside=judged.outside,
            unchanged=self.left_as_it_was(estimate),
            rule=self.model.card.harm or None,
            claims=self.model.card.claims,
        )
        claim = None if self.compute is None else self.claims.mean
        return judge(
            estimate,
            yardstick,
            self.scale.scale,
            claim=claim,
            seen=seen,
            told=told,
            circumstances=circumstances,
        )

    def _yardstick(self, acquisition: Acquisition, estimate: Array) -> Yardstick:
        """What results are held against if the scan was made so, where an estimate is."""
        measurement = replace(self.observation, acquisition=acquisition).of(self.target).beside(estimate)
        scan = self.observation.volume
        if self.compute is not None:
            return Yardstick(scan, measurement, self.target, self.noise)
        least = 0.0 if self.is_positive else None
        return Yardstick(
            scan, measurement, self.target, self.noise, kind=self.model.card.initial, least=least
        )

    def _placed(self, array: Array) -> Array:
        """An array where the run computes: a tensor on its device, or as it is where no network runs."""
        return array if self.compute is None else on_device(array, self.compute.device)

    def _in_units(self, estimate: Array) -> Volume:
        """An estimate in the scan's units; in double precision where single would round them."""
        if not self.scale.coarse:
            return self._on_target(self.scale.invert(estimate))
        host = on_host(estimate).astype(np.float64)
        return self.scan.on(self.target, self.scale.invert(host))

    def _on_target(self, array: Array) -> Volume:
        return self.scan.on(self.target, on_host(array))

    def estimate(self) -> tuple[Array, Array | None]:
        """The enhanced scan on the target grid, normalized; and the standard deviation of its samples, if there are several."""
        self.monitor.step("interpolation", 0, 1)
        initial = interpolate(self.measurement.measured, self.scan.grid, self.target, self.model.card.initial)
        self.monitor.step("interpolation", 1, 1)
        ways = self._ways()
        if len(ways) == 1:
            return self._sample(initial, *ways[0]), None
        moments = Moments()
        for done, (flip, seed) in enumerate(ways):
            self.monitor.step("samples", done, len(ways))
            moments.add(self._sample(initial, flip, seed))
        self.monitor.step("samples", len(ways), len(ways))
        return moments.mean, moments.deviation * self.model.card.spread_scale

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
        restored = beside(self.model.restore(turned, self._context(tiles, flip, seed)), initial)
        estimate = flip.array(restored)
        if tiles:  # a lack of memory may have changed them; the next sample and the record take that up
            self.compute, self.tile = tiles.compute, tiles.side
        if self.settings.detail < 1:
            estimate = initial + self.settings.detail * (estimate - initial)
        if self.compute is not None:
            self.claims.add(estimate)
            scan, kept = self.measurement.measured, self.model.card.overshoot
            estimate = restrained(estimate, scan, self.scan.grid, self.target, kept)
        return self._consistent(estimate)

    def _consistent(self, estimate: Array) -> Array:
        """The estimate drawn to the scan as far as its noise and what is known of the scan allow; of a magnitude scan, not negative."""
        # On the models' scale the scan's peak is 1, of which the acquisition's noise is a fraction.
        noise = self.acquisition.noise or self.noise
        least = 0.0 if self.is_positive else None
        drawn = back_project(
            estimate, self.measurement, self.consistency, self.monitor, noise=noise, least=least
        )
        if agreed(estimate, drawn, (other.beside(estimate) for other in self.others), noise):
            return drawn
        self.consistency = 0
        self.monitor.log(DISPUTED)
        return estimate if least is None else estimate.clip(least)

    def left_as_it_was(self, estimate: Array) -> bool:
        """Whether the result is the scan itself."""
        return self.plan.keeps_matrix and bool(abs(estimate - self.measurement.measured).max() <= UNCHANGED)

    def residual(self, estimate: Array) -> Volume:
        """What the estimate says beyond the scan, in its units and on its grid; see `yardstick.Yardstick.residual`."""
        rest = self._yardstick(self.acquisition, estimate).residual(estimate)
        return self.scan.with_array(on_host(rest * self.scale.scale))

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
        told = self.plan.told
        return Context(
            acquisition=self.acquisition,
            operator=flip.operator(self.acquisition.operator(self.target, self.scan.grid)),
            told=told,
            told_operator=flip.operator(told.operator(self.target, self.scan.grid)),
            measured=flip.array(self.measurement.measured),
            factor=self.factor,
            seed=seed,
            monitor=self.monitor,
            tiles=tiles,
            steps=self.settings.steps,
            known=self.plan.known,
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
            from ..compute.strips import TileShape
            from ..compute.tiling import Tiles, foreground_of

        shape = TileShape(**self.model.card.tile)
        return Tiles(foreground_of(initial), shape, self.compute, self.tile, self.monitor)


def _check_memory(target: Grid, volumes: int) -> None:
    """Refuse a target of which the machine cannot hold so many volumes, before anything is computed."""
    free = free_memory()
    if free is not None and volumes * 4 * target.size > free:
        raise OutOfMemory(TOO_LARGE)
