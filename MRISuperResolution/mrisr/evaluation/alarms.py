"""How often the verdict is wrong about what is faithful: the truth itself, and plain interpolation, over draws of the scan's noise."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..image.noise import estimate_noise
from ..image.normalization import Normalization
from ..image.volume import Volume
from ..physics.interpolation import interpolate
from ..physics.observation import Observation
from ..physics.protocols import Protocol, prepare_reference
from ..progress import Monitor
from ..trust.yardstick import Agreement, Yardstick

SURE = 0.95
"""Of the bound of a rate."""


@dataclass(frozen=True)
class Alarms:
    """What was found.

    Args:
        scan, protocol: what was judged.
        subject: `truth` or `cubic`.
        draws: of the noise.
        amber, red: how many were not green, and red.
        worst: the largest worst place of each draw.
        limits: of the last one.
    """

    scan: str
    protocol: str
    subject: str
    draws: int
    amber: int
    red: int
    worst: tuple[float, ...]
    limits: tuple[float, float]

    @property
    def bound(self) -> float:
        """The upper bound of the rate of false alarms (Clopper & Pearson 1934)."""
        from scipy.stats import beta

        return (
            1.0
            if self.amber == self.draws
            else float(beta.ppf(SURE, self.amber + 1, self.draws - self.amber))
        )

    def level(self, alarms: float) -> float:
        """The worst place that one in 1 / `alarms` faithful ones passes, by a fitted extreme-value law (Gumbel 1935)."""
        from scipy.stats import gumbel_r

        if len(set(self.worst)) < 2:
            return self.worst[0]
        return float(gumbel_r.isf(alarms, *gumbel_r.fit(np.array(self.worst))))


def false_alarms(
    name: str, volume: Volume, protocol: Protocol, draws: int, monitor: Monitor | None = None
) -> Iterator[Alarms]:
    """Judge the truth and cubic interpolation on scans that differ by their noise alone.

    Args:
        name: of the reference.
        volume: the reference, best a whole head: the limits grow with the number of voxels.
        protocol: how the scan is made.
        draws: of the noise; one is enough where the protocol has none.
        monitor: told of progress, asked for cancellation.
    """
    monitor, truth = monitor or Monitor(), prepare_reference(volume)
    acquisition = protocol.acquisition(protocol.affected(truth.orientation))
    draws = draws if protocol.noise else 1
    found: dict[str, list[Agreement]] = {"truth": [], "cubic": []}
    limits = (0.0, 0.0)
    for seed in range(draws):
        monitor.step(f"{name}, {protocol.name}", seed, draws)
        scan = protocol.simulate(truth, seed=seed)
        scale = Normalization.of(scan.array)
        measured = scan.with_array(scale.apply(scan.array))
        noise = estimate_noise(measured.array, scan.spacing, acquisition.kspace)
        yardstick = Yardstick(measured, Observation(measured, acquisition).of(truth.grid), truth.grid, noise)
        found["truth"].append(yardstick.agreement(scale.apply(truth.array)))
        if not yardstick.keeps_matrix:
            cubic = interpolate(measured.array, scan.grid, truth.grid, "cubic")
            found["cubic"].append(yardstick.agreement(cubic))
        limits = yardstick.limits()
    for subject, each in found.items():
        if each:
            colors = [one.color for one in each]
            yield Alarms(
                name,
                protocol.name,
                subject,
                len(each),
                sum(color != "green" for color in colors),
                colors.count("red"),
                tuple(one.worst for one in each),
                limits,
            )
