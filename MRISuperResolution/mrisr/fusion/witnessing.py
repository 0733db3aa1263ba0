"""Another stack of the subject as a witness: placed on the scan, then scanned out of the result and out of plain interpolation.

The stack is registered to the scan, and its place refined against the mixture of interpolation and result that explains it best, which
favors neither. It is scanned out with its own acquisition, as its headers say or its voxels show.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from ..compute.device import Compute, resolve
from ..errors import CatalogError, InputError
from ..image.arrays import Array, on_device, on_host
from ..image.filters import smoothed
from ..image.grid import Grid
from ..image.normalization import Normalization
from ..image.volume import Volume, check_volume
from ..packages import needed_for
from ..physics.acquisition import Acquisition
from ..physics.interpolation import interpolate
from ..physics.moved import fine_grid, slice_axis
from ..physics.resampling import Transform
from ..pipeline.assumption import USUAL
from ..pipeline.knowledge import Known, known_of
from ..pipeline.planning import plan
from ..progress import Monitor
from ..trust.testimony import PLANES, Testimony, Whereabouts, place_in_words, spoken
from ..trust.witness import Evidence, confirmed, motion_left, weighed
from ..trust.witness_map import Confirmation, confirmation
from .field import covered_share
from .intensities import matching
from .placement import ENOUGH
from .refinement import STEP, Placed, derivatives, refined
from .registration import FARTHEST_DEGREES, FARTHEST_MM, moved_by, register
from .stack import COVERED, Stack
from .suitability import PARALLEL, Scan, check_overlap

TISSUE = 0.1
"""Tissue is what is brighter than this fraction of the brightness, over two fine voxels."""

THICK = 1.5
"""A scan whose slices are so many times farther apart than its finest voxels has a direction."""

AT_REST = 0.3
"""A place is found where the stack would move on by less than this part of its finest voxel."""

LARGEST = 1.5
"""The most of the result that the mixture takes in."""


@dataclass(frozen=True, eq=False)
class Witnessed:
    """What comes out.

    Args:
        testimony: what the stack says.
        map: the agreement on the result's grid, see `witness_map.Confirmation.map`; 0 outside the stack.
        transform: where the stack lies, from where its header says, see `resampling.Transform`.
        degrees, mm: how far it was turned, and its center moved.
        basis: how it was taken to have been made, a line for people.
    """

    testimony: Testimony
    map: Volume
    transform: Transform
    degrees: float
    mm: float
    basis: str


def witness(
    result: Volume,
    scan: Volume,
    stack: Scan,
    *,
    acquisition: str | None = None,
    known: Known | None = None,
    device: str = "auto",
    monitor: Monitor | None = None,
) -> Witnessed:
    """Ask another stack of the same subject what it says of the detail that a result adds to its scan.

    Args:
        result: what was made of the scan, on a grid parallel to it and in its units.
        scan: what was enhanced.
        stack: another scan of the same subject and contrast, in another direction.
        acquisition: how the stack was made, see `pipeline.settings.Settings.acquisition`; None for what is known or shown.
        known: what is known of how it was made; None to look at its voxels.
        device: see `compute.device.resolve`.
        monitor: told of progress, asked for cancellation.

    Raises:
        MrisrError: a volume cannot be used, they do not go together, or a stop was asked for.

    Example:
        >>> from mrisr.physics.stacks import STACKS
        >>> rng = np.random.default_rng(0)
        >>> coarse = rng.random((8, 8, 8), dtype=np.float32)
        >>> head = Volume(np.kron(coarse, np.ones((4, 4, 4), np.float32)), np.eye(4))
        >>> one, other = STACKS["stacks2-thick4"].simulate(head)
        >>> said = witness(head, one.volume, Scan("coronal", other.volume), acquisition="thick4", device="cpu")
        >>> round(said.testimony.share, 1)
        1.0
    """
    monitor = monitor or Monitor()
    for volume in (result, scan, stack.volume):
        check_volume(volume)
    if not scan.grid.is_parallel(result.grid):
        raise InputError(
            "The result does not lie along its scan's axes; name the scan that it was made from."
        )
    check_overlap(stack, covered_share(scan.grid, stack.volume.grid, np.eye(4)))
    with needed_for("Checking with another stack", CatalogError):
        compute = resolve(device).in_full_precision()
    pair = _Pair.of(result, scan, Compute("cpu") if compute.device == "mps" else compute)
    placed = _placed(_planned(stack, result.grid, acquisition, known), pair, scan, monitor)
    return _said(pair, placed, scan, monitor)


@dataclass(frozen=True, eq=False)
class _Pair:
    """Plain interpolation of the scan and the result, on one grid, where the scan's peak is 1; on the device."""

    plain: Array
    rich: Array
    grid: Grid

    @classmethod
    def of(cls, result: Volume, scan: Volume, compute: Compute) -> _Pair:
        scale = Normalization.of(scan.array)
        plain = interpolate(scale.apply(scan.array), scan.grid, result.grid)
        rich = on_device(scale.apply(result.array), compute.device)
        return cls(on_device(plain, compute.device), rich, result.grid)

    def mixed(self, share: float) -> Array:
        """Interpolation and so much of what the result adds."""
        return self.plain + share * (self.rich - self.plain)

    def coarser(self) -> _Pair:
        """Both on a grid that is fine enough to find places on."""
        shrink = (ENOUGH / self.grid.size) ** (1 / 3)
        if shrink >= 1:
            return self
        grid = self.grid.resampled([shrink] * 3)
        plain, rich = (interpolate(each, self.grid, grid) for each in (self.plain, self.rich))
        return _Pair(plain, rich, grid)


def _planned(scan: Scan, target: Grid, acquisition: str | None, known: Known | None) -> Stack:
    """The stack where its header places it, and how it was made."""
    volume = scan.volume.with_array(Normalization.of(scan.volume.array).apply(scan.volume.array))
    told = known or Known()
    if acquisition is None and told.estimate is None:
        told = known_of(scan.volume, told.header)
    planned = plan(volume.grid, fine_grid(target, volume.grid), acquisition, known=told)
    return Stack(scan, volume, planned, 0.0, np.eye(4))


def _placed(stack: Stack, pair: _Pair, scan: Volume, monitor: Monitor) -> Stack:
    """The stack where it lies: registered, then refined, first against interpolation, then against the best mixture."""
    found = register(scan, stack.scan.volume, monitor)
    check_overlap(stack.scan, covered_share(scan.grid, stack.volume.grid, found.transform))
    monitor.step("refinement", 0, 2)
    coarse = pair.coarser()
    place = _place(stack, coarse, coarse.plain, found.transform)
    nearest = min((found.transform, np.eye(4)), key=place.misfit)
    best = refined(place, nearest)
    monitor.step("refinement", 1, 2)
    share = float(np.clip(confirmed(_evidence(replace(stack, transform=best), coarse)), 0, LARGEST))
    place = _place(stack, coarse, coarse.mixed(share), best)
    best = refined(place, best, rounds=1)
    degrees, mm = moved_by(best, stack.volume.grid)
    near = degrees < FARTHEST_DEGREES and mm < FARTHEST_MM
    better = place.misfit(best) <= place.misfit(np.eye(4)) * (1 + 1e-3)
    return replace(
        stack, transform=best, found=replace(found, converged=near and better, degrees=degrees, mm=mm)
    )


def _place(stack: Stack, pair: _Pair, volume: Array, at: Transform) -> Placed:
    """The stack as something that may move over a volume."""
    measured, inside = _matched(stack, pair.grid, at, volume)

    def scanned(motion: Transform) -> Array:
        return stack.operator(pair.grid, motion).forward(volume)

    device = str(volume.device)
    center = (stack.volume.affine @ [*((np.array(stack.volume.shape) - 1) / 2), 1])[:3]
    return Placed(scanned, on_device(measured, device), on_device(inside, device), center)


def _matched(
    stack: Stack, grid: Grid, at: Transform, volume: Array
) -> tuple[NDArray[np.float32], NDArray[np.bool_]]:
    """The stack in the scan's brightness, and the tissue that the volume covers; (i, j, k) both."""
    operator = stack.operator(grid, at)
    covered = np.abs(on_host(operator.forward(volume * 0 + 1)) - 1) < COVERED
    seen = stack.volume.array
    measured = np.asarray(seen * matching(seen, on_host(operator.forward(volume)), covered), dtype=np.float32)
    spacing = stack.volume.spacing
    tissue = smoothed(measured, [2 * min(spacing) / s for s in spacing]) > TISSUE
    return measured, covered & tissue


def _evidence(stack: Stack, pair: _Pair, nudges: tuple[NDArray[np.float32], ...] = ()) -> Evidence:
    """The stack and what is scanned out of both volumes."""
    operator = stack.operator(pair.grid)
    measured, inside = _matched(stack, pair.grid, stack.transform, pair.plain)
    plain, added = (on_host(operator.forward(each)) for each in (pair.plain, pair.rich - pair.plain))
    return Evidence(measured, plain, added, inside, nudges, stack.volume.spacing)


def _nudges(stack: Stack, pair: _Pair, share: float) -> tuple[NDArray[np.float32], ...]:
    """The derivatives of what is scanned out of the mixture, by a motion of the stack."""
    mixed = pair.mixed(share)
    place = _place(stack, pair, mixed, stack.transform)
    changes = derivatives(place, stack.transform, place.scan(stack.transform))
    return tuple(on_host(change) for change in changes)


def _said(pair: _Pair, stack: Stack, scan: Volume, monitor: Monitor) -> Witnessed:
    monitor.step("witness", 0, 1)
    coarse = pair.coarser()
    share = float(np.clip(confirmed(_evidence(stack, coarse)), 0, LARGEST))
    evidence = _evidence(stack, pair, _nudges(stack, coarse, share))
    if not evidence.inside.any():
        raise InputError(f"{stack.scan.name} and the scan have no tissue in common; choose another stack.")
    numbers = weighed(evidence)
    local = confirmation(evidence, numbers)
    found = _found(stack, scan, evidence, local)
    error = _acquisition_error(stack, coarse, share)
    assert stack.found is not None
    degrees, mm = stack.found.degrees, stack.found.mm
    said = spoken(numbers, replace(found, acquisition_error=error))
    mapped = local.map if said.tells else np.zeros_like(local.map)
    monitor.progress("witness", 1, 1)
    return Witnessed(said, _on(pair.grid, stack, mapped), stack.transform, degrees, mm, stack.plan.basis)


def _acquisition_error(stack: Stack, pair: _Pair, share: float) -> float:
    """By how much the share changes where the stack's slices are as much thinner or thicker as is usual; 0 where it is known."""
    if stack.plan.source in ("stated", "read"):
        return 0.0
    axis, spread = slice_axis(stack.volume.grid), USUAL["slices"].spread
    shares = []
    for change in (-spread, spread):
        acquisition = _with_width(stack.plan.acquisition, axis, change)
        shares.append(
            confirmed(_evidence(replace(stack, plan=replace(stack.plan, acquisition=acquisition)), pair))
        )
    return max(abs(each - share) for each in shares)


def _with_width(acquisition: Acquisition, axis: int, change: float) -> Acquisition:
    width = list(acquisition.width)
    width[axis] = max(0.3, width[axis] + change)
    return replace(acquisition, width=(width[0], width[1], width[2]))


def _found(stack: Stack, scan: Volume, evidence: Evidence, local: Confirmation) -> Whereabouts:
    grid = stack.volume.grid
    normal = normal_of(grid, stack.transform)
    other = normal_of(scan.grid, np.eye(4))
    parallel = normal is not None and other is not None and abs(float(normal @ other)) > PARALLEL
    plane = "" if normal is None else PLANES[int(np.argmax(np.abs(normal)))][0]
    moving = float(np.linalg.norm((motion_left(evidence) * STEP)[3:])) > AT_REST * min(grid.spacing)
    found = Whereabouts(plane, bool(stack.found and stack.found.converged) and not moving, parallel)
    if local.worst is None:
        return found
    to_world = stack.transform @ grid.affine
    tissue = np.argwhere(evidence.inside)[:: max(1, int(evidence.inside.sum()) // 20000)]
    world = tissue @ to_world[:3, :3].T + to_world[:3, 3]
    low, high = np.percentile(world, (1, 99), axis=0)
    place = to_world[:3, :3] @ np.array(local.worst) + to_world[:3, 3]
    x, y, z = place.round(1).tolist()
    words = place_in_words((place - (low + high) / 2).tolist(), (high - low).tolist())
    return replace(found, place=words, place_ras=(x, y, z), contradicted=local.contradicted)


def normal_of(grid: Grid, transform: Transform) -> NDArray[np.float64] | None:
    """Across a scan's slices; None where these are no thicker than its voxels are wide."""
    axis = slice_axis(grid)
    if grid.spacing[axis] < THICK * min(grid.spacing):
        return None
    direction = transform[:3, :3] @ grid.affine[:3, axis]
    return np.asarray(direction / np.linalg.norm(direction))


def _on(grid: Grid, stack: Stack, array: NDArray[np.float32]) -> Volume:
    """A map of the stack's on the result's grid, linearly interpolated; 0 outside."""
    from scipy.ndimage import affine_transform

    to_stack = np.linalg.inv(stack.transform @ stack.volume.affine) @ grid.affine
    found = affine_transform(
        array, to_stack[:3, :3], to_stack[:3, 3], grid.shape, np.float32, 1, "constant", 0.0
    )
    return Volume(np.asarray(found), grid.affine)
