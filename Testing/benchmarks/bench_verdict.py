"""Does the verdict say no where it should? Spots that a network invents, moves or removes, and runs that harm, on boxes of the headline
scans.

`MRISR_BENCH_SIDE` sets the boxes' side in voxels, `MRISR_BENCH_SCANS` how many scans; `MRISR_BENCH_QUICK=1` leaves out the runs that harm
and all noise, which takes minutes.
"""

import os
from collections.abc import Iterator
from dataclasses import replace

import numpy as np

from benchmarks import Finding
from benchmarks.bench_ranking import SCANS, middle
from engine.conftest import DATA
from mrisr.evaluation.episodes import CLEAR, Episode, episodes_of
from mrisr.image.arrays import Array, beside
from mrisr.image.files import read_volume
from mrisr.image.grid import Grid
from mrisr.image.volume import Volume
from mrisr.models.base import Context, Model
from mrisr.models.catalog import load_model
from mrisr.physics.protocols import PROTOCOLS, prepare_reference
from mrisr.pipeline.enhancement import enhance
from mrisr.pipeline.settings import Settings

SIDE = int(os.environ.get("MRISR_BENCH_SIDE", "80"))

NUMBER = int(os.environ.get("MRISR_BENCH_SCANS", "6"))

QUICK = bool(os.environ.get("MRISR_BENCH_QUICK"))

CONTRAST = 0.2
"""Of the spots, as a fraction of the brightness."""

MOVED = 3
"""Voxels by which a lesion is moved."""

SPOTS = 3
"""Places on each scan."""

NETWORKS = {"edsr3d-iso2": "iso2", "edsr3d-thick": "thick4"}

FLOORS = {("edsr3d-thick", 0.0, 4): 60, ("edsr3d-iso2", 0.0, 6): 90, ("edsr3d-thick", 0.0, 6): 90} | {
    (network, 0.02, 6): 70 for network in NETWORKS
}
"""Percent of the spots that must be seen: by network, noise and full width at half maximum in mm."""

JUDGED = (*NETWORKS, "gradient-filters-iso2", "gradient-filters-thick")


class Once(Model):
    """A model that is run on one scan only: what it makes of that is kept.

    Args:
        inner: what is run.
    """

    def __init__(self, inner: Model) -> None:
        super().__init__(inner.card)
        self._inner, self._made = inner, None

    def restore(self, initial: Array, context: Context) -> Array:
        """The inner model's, from the first time on."""
        if self._made is None:
            self._made = self._inner.restore(initial, context)
        return beside(np.array(self._made), initial)


class Planted(Model):
    """A model that invents a spot, or removes or moves one.

    Args:
        inner: what makes the rest.
        spot: (i, j, k) on the target's grid, what is added to that.
    """

    def __init__(self, inner: Model, spot: np.ndarray) -> None:
        super().__init__(inner.card)
        self._inner, self._spot = inner, spot

    def restore(self, initial: Array, context: Context) -> Array:
        """The inner model's, and the spot."""
        made = self._inner.restore(initial, context)
        return made + beside(self._spot, made)


def measure() -> Iterator[Finding]:
    if not DATA.is_dir():
        return
    boxes = {scan: middle(read_volume(DATA / "val" / f"{scan}.nii.gz"), SIDE) for scan in SCANS[:NUMBER]}
    for network, protocol in NETWORKS.items():
        for noise in (0.0,) if QUICK else (0.0, 0.02):
            yield from _spots(boxes, network, protocol, noise)
            yield from _lesions(boxes, network, protocol, noise)
    for name in () if QUICK else JUDGED:
        yield from _harm(boxes, name)


def _spots(boxes: dict[str, Volume], network: str, protocol: str, noise: float) -> Iterator[Finding]:
    model, rng = load_model(network), np.random.default_rng(0)
    made = replace(PROTOCOLS[protocol], noise=noise)
    seen: dict[int, list[bool]] = {3: [], 4: [], 6: []}
    faithful = []
    for box in boxes.values():
        truth = prepare_reference(box)
        scan, once = made.simulate(truth), Once(model)
        faithful.append(_green(scan, truth.grid, once))
        for place in rng.choice(np.argwhere(truth.array > 0.2), SPOTS):
            for size, found in seen.items():
                spot = _spot(truth.grid, place, size) * np.float32(rng.choice([-1, 1]))
                found.append(not _green(scan, truth.grid, Planted(once, spot)))
    of = f"{network}, {100 * noise:g} % noise"
    yield Finding(
        f"{of}: results without a spot that are green, of {len(faithful)}", 100 * np.mean(faithful), "%"
    )
    for size, found in seen.items():
        yield Finding(
            f"{of}: spots of {size} mm seen, of {len(found)}",
            100 * float(np.mean(found)),
            "%",
            floor=FLOORS.get((network, noise, size)),
        )


def _lesions(boxes: dict[str, Volume], network: str, protocol: str, noise: float) -> Iterator[Finding]:
    """Lesions that the scan holds and the network leaves out or puts beside their place; the results with them in place as well."""
    model, rng = load_model(network), np.random.default_rng(1)
    made = replace(PROTOCOLS[protocol], noise=noise)
    seen: dict[tuple[str, int], list[bool]] = {}
    for box in boxes.values():
        truth = prepare_reference(box)
        for place in rng.choice(_inner(truth.array), SPOTS):
            shift = np.array(place)
            shift[int(rng.integers(3))] += int(rng.choice([-1, 1])) * MOVED
            for size in (3, 4, 6):
                sign = np.float32(1 if truth.array[tuple(place)] < 0.6 else -1)
                lesion, beside_it = (sign * _spot(truth.grid, where, size) for where in (place, shift))
                scan, once = made.simulate(truth.with_array((truth.array + lesion).clip(0, 1))), Once(model)
                for what, change in (
                    ("in place", 0 * lesion),
                    ("removed", -lesion),
                    ("moved", beside_it - lesion),
                ):
                    seen.setdefault((what, size), []).append(
                        not _green(scan, truth.grid, Planted(once, change))
                    )
    of = f"{network}, {100 * noise:g} % noise"
    for (what, size), found in seen.items():
        name = f"{of}: lesions of {size} mm {what}, not green, of {len(found)}"
        yield Finding(name, 100 * float(np.mean(found)), "%")


def _inner(array: np.ndarray) -> np.ndarray:
    """Voxels of tissue, none of them near the border."""
    places = np.argwhere(array > 0.2)
    return places[((places >= 2 * MOVED) & (places < np.array(array.shape) - 2 * MOVED)).all(axis=1)]


def _green(scan: Volume, target: Grid, model: Model) -> bool:
    asked = Settings(model=model.card.name, target=target)
    return bool(enhance(scan, asked, model=model).provenance["trust"]["color"] == "green")


def _spot(grid: Grid, place: np.ndarray, size: float) -> np.ndarray:
    squares = sum(
        ((np.arange(n) - c) * s).reshape([-1 if a == axis else 1 for a in range(3)]) ** 2
        for axis, (n, c, s) in enumerate(zip(grid.shape, place, grid.spacing, strict=True))
    )
    return (CONTRAST * np.exp(-4 * np.log(2) * np.asarray(squares) / size**2)).astype(np.float32)


def _harm(boxes: dict[str, Volume], name: str) -> Iterator[Finding]:
    """Runs that are told rightly, wrongly or not at all; by the rule in the card, which other scans taught as well."""
    model = load_model(name)
    runs = [run for scan, box in boxes.items() for run in episodes_of(scan, box, model)]

    def green(some: list[Episode]) -> float:
        return (
            100 * float(np.mean([run.color(model.card.harm) == "green" for run in some]))
            if some
            else float("nan")
        )

    harmed, helped = ([run for run in runs if run.gain * sign >= CLEAR] for sign in (-1, 1))
    usual = [run for run in helped if run.is_faithful]
    yield Finding(f"{name}: runs that harmed and are green, of {len(harmed)}", green(harmed), "%", ceiling=5)
    yield Finding(f"{name}: runs that helped and are green, of {len(helped)}", green(helped), "%", floor=85)
    yield Finding(
        f"{name}: of these, told nothing or the truth, of {len(usual)}", green(usual), "%", floor=85
    )
