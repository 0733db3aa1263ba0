"""Several scans go in, one volume comes out.

    scans → how each was made → registration → the grid of the result → brightness → start (cubic, or networks) → reconstruction
          → places refined, reconstruction once more → residual and verdict of each scan, leave-one-out spread, coverage, record
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from ..compute.device import Compute, free_memory, resolve
from ..errors import CatalogError, OutOfMemory
from ..image.arrays import Array, on_host
from ..image.grid import Grid, Target
from ..image.noise import measure_noise
from ..image.normalization import Normalization
from ..image.volume import Volume, check_volume
from ..models import catalog
from ..packages import needed_for
from ..physics.interpolation import interpolate
from ..physics.moved import MovedOperator, Resampling, Transform, fine_grid, slice_axis, slice_by_slice
from ..physics.observation import Measurement, Observation
from ..pipeline import provenance
from ..pipeline.enhancement import enhance
from ..pipeline.knowledge import Known, known_of
from ..pipeline.planning import Plan, plan
from ..pipeline.settings import Settings
from ..progress import Monitor
from ..trust.verdict import COLORS, Verdict, judge
from .field import covering, target_of
from .intensities import matching
from .reconstruction import Part, Prior, reconstruct, trusted
from .refinement import Placed, refined
from .registration import Found, register
from .settings import NO_MODEL, FusionSettings
from .suitability import Scan, check_alike, check_overlap, check_scans, parallel_note, shared

VOLUMES = 14
"""Volumes of the result's size that are held at the peak, in float32."""

ENOUGH = 1_500_000
"""Voxels of a volume against which places are refined: more make it slower, not better."""

PULL = 0.003
"""μ: how strongly the result is drawn to what networks make of the scans alone; chosen on validation scans."""

COVERED = 0.02
"""A voxel whose profile reaches beyond the volume by more than this share of its weight does not count."""


@dataclass(frozen=True, eq=False)
class Fused:
    """What comes out.

    Args:
        volume: the result, float32 in the reference's units.
        coverage: how many scans see each voxel, on the same grid.
        spread: standard deviation of the results without each scan in turn, if asked for.
        transforms: where each scan lies, from where its header says, see `moved.Transform`.
        verdicts: of each scan.
        provenance: the record, ready for JSON.
    """

    volume: Volume
    coverage: Volume
    spread: Volume | None
    transforms: list[Transform]
    verdicts: list[Verdict]
    provenance: dict[str, Any]


@dataclass(frozen=True, eq=False)
class _Stack:
    """A scan on its way: brought to the reference's brightness, where the reference's peak is 1."""

    scan: Scan
    volume: Volume
    plan: Plan
    noise: float
    transform: Transform
    moved: bool
    found: Found | None = None
    slices: tuple[Transform, ...] = ()

    @property
    def observation(self) -> Observation:
        return Observation(self.volume, self.plan.acquisition, self.transform if self.moved else None)

    def part(self, target: Grid, like: Array) -> Part:
        """What it says of volumes on a grid."""
        measurement = self.observation.of(target).beside(like)
        grid = self.volume.grid
        if self.slices and isinstance(measurement.operator, MovedOperator):
            operator = slice_by_slice(measurement.operator, grid, self.slices)
            measurement = replace(measurement, operator=operator)
        full = measurement.operator.forward(like * 0 + 1)
        covered = (abs(full - 1) < COVERED).to(like.dtype)
        return Part(measurement, covered, self.noise, slice_axis(grid))


def fuse(
    scans: Sequence[Scan],
    settings: FusionSettings | None = None,
    known: Sequence[Known | None] | None = None,
    monitor: Monitor | None = None,
) -> Fused:
    """Fuse scans of one subject into one volume.

    Args:
        scans: two or more; they are not changed.
        settings: how.
        known: what is known of how each was made; None to look at their voxels.
        monitor: told of progress, asked for cancellation.

    Raises:
        MrisrError: the scans cannot be used or do not go together, memory is too small, or a stop was asked for.

    Example:
        >>> from mrisr.physics.stacks import STACKS
        >>> rng = np.random.default_rng(0)
        >>> head = Volume(rng.random((24, 24, 24), dtype=np.float32), np.eye(4))
        >>> stacks = STACKS["stacks2-thick4"].simulate(head)
        >>> scans = [Scan(str(n), stack.volume) for n, stack in enumerate(stacks)]
        >>> fuse(scans, FusionSettings(register="none", device="cpu")).volume.shape
        (24, 24, 24)
    """
    return _Fusion(list(scans), settings or FusionSettings(), known, monitor or Monitor()).run()


class _Fusion:
    """One fusion: what its steps share."""

    def __init__(
        self,
        scans: list[Scan],
        settings: FusionSettings,
        known: Sequence[Known | None] | None,
        monitor: Monitor,
    ) -> None:
        self.scans, self.settings, self.monitor = scans, settings, monitor
        self.started = time.perf_counter()
        for scan in scans:
            check_volume(scan.volume)
        check_scans(scans, settings.reference)
        self.first = settings.reference - 1
        self.known = list(known or [None] * len(scans))
        self.notes: list[str] = []
        with needed_for("Fusing scans", CatalogError):
            import torch  # noqa: F401 - every operator needs it
        self.compute = _full_precision(settings.device)

    def run(self) -> Fused:
        """All of it."""
        scales = [Normalization.of(scan.volume.array) for scan in self.scans]
        found = self._registered()
        transforms = [np.eye(4) if each is None else each.transform for each in found]
        grids = [scan.volume.grid for scan in self.scans]
        self.target = target_of(grids, transforms, self.first, self.settings.target, self.settings.field)
        free = free_memory()
        if free is not None and VOLUMES * 4 * self.target.size > free:
            raise OutOfMemory("The result does not fit into the free memory; ask for larger voxels or close other programs.")
        stacks = self._placed(self._stacks(scales, found))
        self._note(parallel_note(self.scans, [stack.transform for stack in stacks]))
        coverage = sum(
            covering(self.target, stack.volume.grid, stack.transform).astype(np.float32) for stack in stacks
        )
        return self._reconstructed(stacks, np.asarray(coverage), scales[self.first])

    def _note(self, sentence: str) -> None:
        if sentence:
            self.notes.append(sentence)
            self.monitor.log(sentence)

    def _registered(self) -> list[Found | None]:
        """Where each scan lies; None for the reference, and for all where the headers are believed."""
        reference = self.scans[self.first]
        found: list[Found | None] = []
        for number, scan in enumerate(self.scans):
            if number != self.first:
                check_overlap(scan, shared(reference.volume.grid, scan, np.eye(4)))
            if number == self.first or self.settings.register == "none":
                found.append(None)
                continue
            cross = self.settings.cross_contrast
            each = register(reference.volume, scan.volume, self.monitor, cross_contrast=cross)
            self._note(check_alike(scan, each, cross))
            check_overlap(scan, shared(reference.volume.grid, scan, each.transform))
            self.monitor.log(f"{scan.name}: turned by {each.degrees:.1f}° and moved by {each.mm:.1f} mm.")
            found.append(each)
        return found

    def _stacks(self, scales: list[Normalization], found: list[Found | None]) -> list[_Stack]:
        stated = self.settings.stated(len(self.scans))
        stacks = []
        for scan, scale, each, known, text in zip(self.scans, scales, found, self.known, stated, strict=True):
            volume = scan.volume.with_array(scale.apply(scan.volume.array))
            fine = fine_grid(self.target, volume.grid)
            known = known or Known()
            if text is None and known.estimate is None:
                known = known_of(scan.volume, known.header)
            planned = plan(volume.grid, fine, text, known=known)
            self._note(planned.contradiction)
            noise = measure_noise(volume.array, volume.spacing)
            level = 0.0 if noise.bound else noise.sigma
            transform = np.eye(4) if each is None else each.transform
            stacks.append(_Stack(scan, volume, planned, level, transform, each is not None, each))
        return self._matched(stacks)

    def _matched(self, stacks: list[_Stack]) -> list[_Stack]:
        """The scans brought to the reference's brightness: what the reference, interpolated, lets one expect of each."""
        first = stacks[self.first]
        grid = first.volume.grid
        iso = Target.factor(1).grid(grid) if max(grid.spacing) == min(grid.spacing) else Target.isotropic().grid(grid)
        plain = self._tensor(interpolate(first.volume.array, grid, iso))
        matched = []
        for stack in stacks:
            if stack is not first:
                operator = Observation(stack.volume, stack.plan.acquisition, stack.transform).operator(iso)
                if iso.is_parallel(stack.volume.grid):
                    operator = replace(stack.observation, transform=np.eye(4)).operator(iso)
                expected = on_host(operator.forward(plain))
                inside = abs(on_host(operator.forward(plain * 0 + 1)) - 1) < COVERED
                factor = matching(stack.volume.array, expected, inside)
                array = (stack.volume.array * factor).astype(np.float32)
                stack = replace(
                    stack, volume=stack.volume.with_array(array), noise=stack.noise * float(np.median(factor))
                )
            matched.append(stack)
        return matched

    def _placed(self, stacks: list[_Stack]) -> list[_Stack]:
        """Registered scans, their places refined: first against what was placed before, then against all others."""
        if all(stack.found is None for stack in stacks):
            return stacks
        shrink = min(1.0, (ENOUGH / self.target.size) ** (1 / 3))
        grid = self.target.resampled([shrink] * 3)
        placed = {self.first: stacks[self.first]}
        order = [number for number in range(len(stacks)) if number != self.first]
        for turn in range(2 if len(stacks) > 2 else 1):
            for done, number in enumerate(order):
                self.monitor.step("refinement", turn * len(order) + done, 2 * len(order))
                others = [other for key, other in placed.items() if key != number]
                start, _ = self._start(others, grid, plain=True)
                parts = [other.part(grid, start) for other in others]
                x, _ = reconstruct(parts, start, None, self.monitor, rounds=1)
                placed[number] = self._stack_placed(placed.get(number, stacks[number]), x, grid)
        return [placed[number] for number in range(len(stacks))]

    def _stack_placed(self, stack: _Stack, x: Array, grid: Grid) -> _Stack:
        """A scan where it fits a volume best, looked for around its registered place and around its header's."""
        part, volume = stack.part(grid, x), stack.volume
        center = (volume.affine @ [*((np.array(volume.shape) - 1) / 2), 1])[:3]

        def scanned(motion: Transform) -> Array:
            return Observation(volume, stack.plan.acquisition, motion).operator(grid).forward(x)

        weight = part.covered * trusted(part, x)
        place = Placed(scanned, part.measurement.measured, weight, center)
        places = [refined(place, transform) for transform in (stack.transform, np.eye(4))]
        return replace(stack, transform=min(places, key=place.misfit))

    def _tensor(self, array: Array) -> Array:
        import torch

        return torch.from_numpy(np.ascontiguousarray(array, dtype=np.float32)).to(self.compute.device)

    def _start(self, stacks: list[_Stack], grid: Grid, plain: bool = False) -> tuple[Array, Prior | None]:
        """The mean of what each scan gives alone, by interpolation or by a network; and what the result is drawn to."""
        plain = plain or self.settings.model == NO_MODEL
        total: Array = 0.0
        count: Array = 0.0
        for stack in stacks:
            self.monitor.cancel.check()
            alone = self._alone(stack, plain)
            # Where a scan's field ends the volume does: 0 beyond.
            sampling = Resampling(alone.grid, grid, np.linalg.inv(stack.transform))
            place = sampling.forward(self._tensor(alone.array))
            seen = self._tensor(covering(grid, stack.volume.grid, stack.transform))
            total, count = total + place * seen, count + seen
        mean = total / count.clamp_min(1)
        return mean, None if plain else Prior(mean, PULL)

    def _alone(self, stack: _Stack, plain: bool) -> Volume:
        """A scan refined by itself, on its own axes."""
        fine = stack.plan.target
        if plain:
            return Volume(interpolate(stack.volume.array, stack.volume.grid, fine), fine.affine)
        settings = Settings(
            model=self.settings.model, target=fine, acquisition=stack.plan.acquisition, device=self.settings.device
        )
        return enhance(stack.volume, settings, monitor=self.monitor).volume

    def _reconstructed(self, stacks: list[_Stack], coverage: np.ndarray, scale: Normalization) -> Fused:
        start, prior = self._start(stacks, self.target)
        parts = [stack.part(self.target, start) for stack in stacks]
        x, weights = reconstruct(parts, start, prior, self.monitor)
        if self.settings.motion == "slices":
            stacks = [self._slices_placed(stack, x) for stack in stacks]
            parts = [stack.part(self.target, start) for stack in stacks]
            x, weights = reconstruct(parts, x, prior, self.monitor)
        spread = self._leave_one_out(parts, x, prior) if self.settings.leave_one_out else None
        verdicts = [
            self._verdict(stack, part, x, scale) for stack, part in zip(stacks, parts, strict=True)
        ]
        array = np.where(coverage > 0, np.maximum(on_host(x), 0), 0) if _is_magnitude(self.scans) else on_host(x)
        volume = Volume(np.asarray(scale.invert(array), dtype=np.float32), self.target.affine)
        maps = Volume(coverage, self.target.affine)
        deviation = None if spread is None else maps.with_array(on_host(spread) * np.float32(scale.scale))
        shares = [float((w > 0).float().mean()) for w in weights]
        trust = [float((w / w.max().clamp_min(1e-9))[w > 0].mean()) if bool((w > 0).any()) else 0.0 for w in weights]
        record = self._record(stacks, verdicts, shares, trust)
        return Fused(volume, maps, deviation, [stack.transform for stack in stacks], verdicts, record)

    def _slices_placed(self, stack: _Stack, x: Array) -> _Stack:
        """A place of its own for each slice, found against the volume so far."""
        stack = replace(stack, moved=True)
        part, grid = stack.part(self.target, x), stack.volume.grid
        axis = slice_axis(grid)
        operator = Observation(stack.volume, stack.plan.acquisition, stack.transform).of(self.target).operator
        assert isinstance(operator, MovedOperator)
        transforms = stack.slices or (stack.transform,) * grid.shape[axis]
        each = slice_by_slice(operator, grid, transforms)
        weight = part.covered * trusted(part, x)
        placed = []
        for number, transform in enumerate(transforms):
            self.monitor.step("motion", number, len(transforms))
            single, cut = each.slices[number], [slice(None)] * 3
            cut[axis] = slice(number, number + 1)
            middle = [(n - 1) / 2 for n in grid.shape]
            middle[axis] = number
            center = (transform @ grid.affine @ [*middle, 1])[:3]
            index = tuple(cut)

            def scanned(motion: Transform, single: MovedOperator = single) -> Array:
                return replace(single, sampling=replace(single.sampling, transform=motion)).forward(x)

            place = Placed(scanned, part.measurement.measured[index], weight[index], center)
            placed.append(refined(place, transform))
        return replace(stack, slices=tuple(placed))

    def _leave_one_out(self, parts: list[Part], x: Array, prior: Prior | None) -> Array:
        """Standard deviation of the results without each of the scans."""
        results = []
        for left_out in range(len(parts)):
            rest = [part for number, part in enumerate(parts) if number != left_out]
            results.append(reconstruct(rest, x, prior, self.monitor, rounds=2)[0])
        mean = sum(results) / len(results)
        return (sum((result - mean) ** 2 for result in results) / len(results)) ** 0.5

    def _verdict(self, stack: _Stack, part: Part, x: Array, scale: Normalization) -> Verdict:
        """The result on the scan's own axes against the scan, as any result is judged; what it does not cover is left out."""
        volume, fine = stack.volume, stack.plan.target
        seen = Resampling(self.target, fine, stack.transform).forward(x)
        own = Observation(volume, stack.plan.acquisition)
        covered = on_host(part.covered) > 0
        agreeing = np.abs(on_host(own.operator(fine).forward(seen)))
        own = replace(own, volume=volume.with_array(np.where(covered, volume.array, agreeing)))
        verdict = judge(seen, own, fine, scale.scale, condition=stack.plan.doubt)
        unsure = stack.found is not None and not stack.found.converged
        x_ras, y_ras, z_ras = (stack.transform @ [*verdict.worst_ras, 1.0])[:3].round(3).tolist()
        return replace(
            verdict, worst_ras=(x_ras, y_ras, z_ras), color="red" if unsure else verdict.color
        )

    def _record(
        self, stacks: list[_Stack], verdicts: list[Verdict], shares: list[float], trust: list[float]
    ) -> dict[str, Any]:
        """What made the result, and how far to trust it."""
        worst = max(range(len(stacks)), key=lambda n: (COLORS.index(verdicts[n].color), verdicts[n].ratio))
        inputs = [
            {
                "input": stack.scan.name,
                "spacing_mm": [round(s, 6) for s in stack.volume.spacing],
                "transform": np.round(stack.transform, 8).tolist(),
                "slice_transforms": [np.round(t, 8).tolist() for t in stack.slices],
                "registration": None if stack.found is None else _described(stack.found),
                "acquisition": stack.plan.acquisition.describe(),
                "acquisition_source": stack.plan.source,
                "acquisition_basis": stack.plan.basis,
                "noise": round(stack.noise, 6),
                "share_used": round(share, 4),
                "mean_weight": round(weight, 4),
                "trust": verdict.describe(),
            }
            for stack, verdict, share, weight in zip(stacks, verdicts, shares, trust, strict=True)
        ]
        name = None if self.settings.model == NO_MODEL else self.settings.model
        card = None if name in (None, "auto") else catalog.find(str(name))
        made = {
            "statement": provenance.STATEMENT,
            "model": "fusion",
            "prior": card.name if card else name,
            "prior_sha256": card.sha256 if card else None,
            "output_spacing_mm": [round(s, 6) for s in self.target.spacing],
            "reference": self.scans[self.first].name,
            "field": self.settings.field,
            "register": self.settings.register,
            "motion": self.settings.motion,
            "inputs": inputs,
            "notes": self.notes,
            "device": self.compute.device,
            "precision": "fp32",
            "seconds": round(time.perf_counter() - self.started, 3),
            **provenance.made_by(),
        }
        return {**made, "trust": {**verdicts[worst].describe(), "input": stacks[worst].scan.name}}


def _full_precision(device: str) -> Compute:
    """Where the arithmetic happens; Metal cannot resample volumes."""
    compute = resolve(device).in_full_precision()
    return Compute("cpu") if compute.device == "mps" else compute


def _is_magnitude(scans: Sequence[Scan]) -> bool:
    return all(float(scan.volume.array.min()) >= 0 for scan in scans)


def _described(found: Found) -> dict[str, Any]:
    return {
        "similarity": round(found.similarity, 4),
        "before": round(found.before, 4),
        "converged": found.converged,
        "degrees": round(found.degrees, 3),
        "mm": round(found.mm, 3),
    }
