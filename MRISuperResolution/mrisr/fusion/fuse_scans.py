"""Several scans go in, one volume comes out.

Scans → registration → the grid of the result → how each was made → brightness → places refined → start (cubic, or networks)
→ reconstruction → filters, and reconstruction again → residual and verdict of each scan, leave-one-out spread, coverage, record.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from ..compute.device import Compute, resolve
from ..errors import CatalogError, OutOfMemory
from ..image.arrays import Array, on_device, on_host
from ..image.memory import free_memory
from ..image.noise import measure_noise
from ..image.normalization import Normalization
from ..image.volume import Volume, check_volume
from ..models.discovery import family_named
from ..models.family import Sharpener
from ..packages import needed_for
from ..physics.interpolation import interpolate
from ..physics.moved import fine_grid
from ..physics.resampling import Transform
from ..pipeline.enhancement import enhance
from ..pipeline.knowledge import Known, known_of
from ..pipeline.planning import default_target, plan
from ..pipeline.settings import Settings
from ..progress import Monitor
from .field import covered_share, covering, target_of
from .intensities import matching
from .placement import placed_stacks, settled, slices_placed
from .reconstruction import Part, Prior, Reconstruction, reconstruct
from .record import Fused, described
from .registration import Registration, moved_by, register
from .settings import NO_MODEL, SHARPENING, TAUGHT, FusionSettings
from .stack import COVERED, Stack
from .start import interpolated, mean_alone
from .suitability import Scan, check_alike, check_overlap, check_scans, parallel_note

BARELY = 0.05
"""Degrees and mm that are not worth a sentence."""

VOLUMES = 75
"""Volumes of the result's size, in float32, that the peak takes: 44 to 75 were measured at 12 and 5 million voxels."""

PULL = 0.003
"""μ: how strongly the result is drawn to what networks make of the scans alone; chosen on validation scans."""

PASSES = 2
"""Filters taught on fused volumes, and reconstruction drawn to what they say, in turn; a third pass gains nothing where there is noise."""

PULL_TAUGHT, PULL_PER_VARIANCE, SMOOTH_TAUGHT = 0.03, 300.0, 0.4
"""μ in them, by how much it grows with the variance of the noise, and what is left of λ; chosen on validation scans."""


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


@dataclass(eq=False)
class _Fusion:
    """One fusion: what its steps share."""

    scans: list[Scan]
    settings: FusionSettings
    known: Sequence[Known | None] | None
    monitor: Monitor

    def run(self) -> Fused:
        """All of it."""
        started, settings = time.perf_counter(), self.settings
        for scan in self.scans:
            check_volume(scan.volume)
        check_scans(self.scans, settings.reference)
        with needed_for("Fusing scans", CatalogError):
            self.compute = _full_precision(settings.device)
            self.sharpener = _sharpener() if settings.model == TAUGHT else None
        self.first, self.notes = settings.reference - 1, list[str]()
        registered = self._registered()
        transforms = [np.eye(4) if each is None else each.transform for each in registered]
        grids = [scan.volume.grid for scan in self.scans]
        self.target = target_of(grids, transforms, self.first, settings.target, settings.field)
        _check_memory(self.target.size)
        stacks = self._matched(self._stacks(registered, transforms))
        stacks = placed_stacks(stacks, self.target, self.compute.device, self.monitor)
        stacks = settled(stacks, self.first, self.target)
        self._note(_moved_note(stacks[self.first]))
        self._note(parallel_note(self.scans, [stack.transform for stack in stacks]))
        stacks, parts, found, prior = self._reconstructed(stacks)
        x = found.volume
        scale = Normalization.of(self.scans[self.first].volume.array)
        verdicts = [s.verdict(part, x, self.target, scale) for s, part in zip(stacks, parts, strict=True)]
        spread = self._leave_one_out(parts, found, prior) if settings.leave_one_out else None
        seen = [covering(self.target, stack.volume.grid, stack.transform) for stack in stacks]
        coverage = Volume(np.asarray(np.sum(seen, axis=0), dtype=np.float32), self.target.affine)
        judged = list(zip(stacks, verdicts, found.weights, strict=True))
        record = described(settings, self.target, judged, self.notes, noise=found.noise, compute=self.compute)
        record["seconds"] = round(time.perf_counter() - started, 3)
        return Fused(
            coverage.with_array(self._in_units(x, coverage.array, scale)),
            coverage,
            None if spread is None else coverage.with_array(on_host(spread) * np.float32(scale.scale)),
            [stack.transform for stack in stacks],
            verdicts,
            record,
        )

    def _note(self, sentence: str) -> None:
        if sentence:
            self.notes.append(sentence)
            self.monitor.log(sentence)

    def _registered(self) -> list[Registration | None]:
        """Where each scan lies; None for the reference, and for all where the headers are believed."""
        reference, cross = self.scans[self.first].volume, self.settings.cross_contrast
        found: list[Registration | None] = []
        for number, scan in enumerate(self.scans):
            if number != self.first:
                check_overlap(scan, covered_share(reference.grid, scan.volume.grid, np.eye(4)))
            if number == self.first or self.settings.register == "none":
                found.append(None)
                continue
            each = register(reference, scan.volume, self.monitor, cross_contrast=cross)
            self._note(check_alike(scan, each, cross))
            check_overlap(scan, covered_share(reference.grid, scan.volume.grid, each.transform))
            self.monitor.log(f"{scan.name}: turned by {each.degrees:.1f}° and moved by {each.mm:.1f} mm.")
            found.append(each)
        return found

    def _stacks(self, found: Sequence[Registration | None], transforms: Sequence[Transform]) -> list[Stack]:
        stated = self.settings.stated(len(self.scans))
        known = self.known or [None] * len(self.scans)
        stacks = []
        for number, scan in enumerate(self.scans):
            volume = scan.volume.with_array(Normalization.of(scan.volume.array).apply(scan.volume.array))
            told, text = known[number] or Known(), stated[number]
            if text is None and told.estimate is None:
                told = known_of(scan.volume, told.header)
            planned = plan(volume.grid, fine_grid(self.target, volume.grid), text, known=told)
            self._note(planned.contradiction)
            noise = measure_noise(volume.array, volume.spacing)
            level = 0.0 if noise.bound else noise.sigma
            stacks.append(Stack(scan, volume, planned, level, transforms[number], found[number]))
        return stacks

    def _matched(self, stacks: Sequence[Stack]) -> list[Stack]:
        """The scans brought to the reference's brightness: to what the reference, interpolated, lets one expect of each."""
        first = stacks[self.first]
        grid = first.volume.grid
        iso = default_target(grid).grid(grid)
        plain = on_device(interpolate(first.volume.array, grid, iso), self.compute.device)
        matched = []
        for stack in stacks:
            if stack is first:
                matched.append(stack)
                continue
            operator = stack.operator(iso)
            inside = abs(on_host(operator.forward(plain * 0 + 1)) - 1) < COVERED
            factor = matching(stack.volume.array, on_host(operator.forward(plain)), inside)
            volume = stack.volume.with_array((stack.volume.array * factor).astype(np.float32))
            matched.append(replace(stack, volume=volume, noise=stack.noise * float(np.median(factor))))
        return matched

    def _reconstructed(
        self, stacks: list[Stack]
    ) -> tuple[list[Stack], list[Part], Reconstruction, Prior | None]:
        """The volume, from scans whose slices were placed one by one if that is asked for; and what it was drawn to from the start."""
        plain = self.settings.model in (NO_MODEL, TAUGHT)
        device, alone = self.compute.device, interpolated if plain else self._enhanced
        start = mean_alone(stacks, self.target, device, alone)
        prior = None if plain else Prior(start, PULL)
        parts = [stack.part(self.target, start) for stack in stacks]
        found = reconstruct(parts, start, prior, self.monitor)
        if self.settings.motion == "slices":
            stacks = [slices_placed(stack, found.volume, self.target, self.monitor) for stack in stacks]
            parts = [stack.part(self.target, start) for stack in stacks]
            found = reconstruct(parts, found.volume, prior, self.monitor)
        return stacks, parts, self._sharpened(parts, found), prior

    def _sharpened(self, parts: Sequence[Part], found: Reconstruction) -> Reconstruction:
        """Drawn to what filters that were taught on fused volumes say, unless they are not wanted."""
        if self.sharpener is None:
            return found
        pull = PULL_TAUGHT + PULL_PER_VARIANCE * found.noise**2
        for _ in range(PASSES):
            prior = Prior(self.sharpener.apply(found.volume, found.noise, self.monitor), pull, SMOOTH_TAUGHT)
            found = reconstruct(parts, prior.volume, prior, self.monitor, rounds=1, noises=found.noises)
        return found

    def _enhanced(self, stack: Stack) -> Volume:
        """What a network makes of a scan."""
        settings = Settings(
            model=self.settings.model,
            target=stack.plan.target,
            acquisition=stack.plan.acquisition,
            device=self.settings.device,
        )
        return enhance(stack.volume, settings, monitor=self.monitor).volume

    def _leave_one_out(self, parts: Sequence[Part], found: Reconstruction, prior: Prior | None) -> Array:
        """Standard deviation of the results without each of the scans."""
        results = []
        for left_out in range(len(parts)):
            rest = [part for number, part in enumerate(parts) if number != left_out]
            noises = [noise for number, noise in enumerate(found.noises) if number != left_out]
            without = reconstruct(rest, found.volume, prior, self.monitor, rounds=2, noises=noises)
            results.append(self._sharpened(rest, without).volume)
        mean = sum(results) / len(results)
        return (sum((result - mean) ** 2 for result in results) / len(results)) ** 0.5

    def _in_units(self, x: Array, coverage: Array, scale: Normalization) -> Array:
        """In the reference's units: 0 where no scan sees anything, and nothing negative of magnitude scans."""
        array = on_host(x)
        if all(float(scan.volume.array.min()) >= 0 for scan in self.scans):
            array = np.maximum(array, 0)
        return np.asarray(scale.invert(np.where(coverage > 0, array, 0)), dtype=np.float32)


def _full_precision(device: str) -> Compute:
    """Where the arithmetic happens; Metal cannot resample volumes."""
    compute = resolve(device).in_full_precision()
    return Compute("cpu") if compute.device == "mps" else compute


def _sharpener() -> Sharpener:
    family = family_named(SHARPENING)
    assert family.sharpener is not None  # it is there for nothing else
    return family.sharpener()


def _moved_note(reference: Stack) -> str:
    degrees, mm = moved_by(reference.transform, reference.volume.grid)
    if max(degrees, mm) < BARELY:
        return ""
    return (
        f"The other scans agree on where the subject lies: {reference.scan.name} was turned by {degrees:.1f}° and moved by {mm:.1f} mm "
        "to them, and the result lies with them."
    )


def _check_memory(voxels: int) -> None:
    free = free_memory()
    if free is not None and VOLUMES * 4 * voxels > free:
        raise OutOfMemory(
            "The result does not fit into the free memory; ask for larger voxels or close other programs."
        )
