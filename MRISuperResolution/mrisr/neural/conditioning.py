"""What a network is shown, for training and for use: estimates of the volume, and planes that tell how its scan was made.

The first channel is the initial estimate. A second one may hold what back-projection would change in it. Three planes follow: the
logarithms of the resolution lost along the axes, or, for networks that refine one axis at a time, that of the first axis and where between
two measured slices a voxel lies. Networks that are told the profiles have four more for each axis that they refine, see `profile_table`.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from ..image.arrays import Array, namespace
from ..models.hyperparameters import NetworkSettings
from ..physics.acquisition import Acquisition
from ..physics.consistency import back_project
from ..physics.observation import Measurement, Operator

MAGNIFIED = 4.0
"""The change is small beside the estimate; a network learns from numbers of about the same size."""

NATURAL = (0, 1, 2)

TOLD = ("gaussian", "rectangle", "kspace")
"""The kinds of profiles that networks are told; of others they know no more than what a scan has lost."""

FACTS = 4
"""Numbers that tell a profile, see `profile_table`."""

Table = tuple[tuple[float, ...], tuple[float, ...], tuple[float, ...]]
"""The numbers that tell a profile, for each axis."""

UNKNOWN: Table = ((0.0,) * FACTS,) * 3
"""Nothing is known of any axis."""


def profile_table(acquisition: Acquisition, known: Sequence[bool]) -> Table:
    """What networks are told of the profiles of a scan: for each axis four numbers, all 0 where it is not known.

    They are: 1 where it is known; the logarithm to base 2 of its width in units of the spacing; 1 for a rectangle; 1 for a limit in
    k-space.

    Args:
        acquisition: how the scan was made.
        known: whether that is known rather than guessed, along each axis.

    Example:
        >>> profile_table(Acquisition(("none", "none", "rectangle"), (1, 1, 0.5)), (True, True, True))[2]
        (1.0, -1.0, 1.0, 0.0)
    """
    i, j, k = (
        (1.0, math.log2(width), float(name == "rectangle"), float(name == "kspace"))
        if told and name in TOLD
        else UNKNOWN[0]
        for name, width, told in zip(acquisition.profile, acquisition.width, known, strict=True)
    )
    return i, j, k


@dataclass(frozen=True)
class Inputs:
    """How the channels of a network come about.

    Args:
        projections: steps of back-projection behind the second estimate; 0 for none.
        phase: whether the planes tell where between two measured slices a voxel lies; for networks that refine one axis at a time.
        planes: whether there are planes.
        profiled: of how many axes there are planes that tell the profile: the first ones, as the network sees them.

    Example:
        >>> Inputs().shown(torch.zeros(1, 4, 4, 4), (2, 2, 2)).shape
        torch.Size([4, 4, 4, 4])
    """

    projections: int = 0
    phase: bool = False
    planes: bool = True
    profiled: int = 0

    @classmethod
    def of(cls, settings: NetworkSettings, planes: int = 3) -> Inputs:
        """Those of a model with these settings, whose network takes so many planes."""
        return cls(settings.projections, settings.refines == "one", planes > 0, settings.profiled)

    def estimates(self, initial: Array, measured: Array, operator: Operator) -> Array:
        """The initial estimate and, behind it, `MAGNIFIED` times what the steps of back-projection add to it.

        Args:
            initial: (i, j, k), NumPy's or a tensor.
            measured: the scan on its own grid, of the same kind.
            operator: from the estimate's grid to the scan's; taken as it is, for trainings knew no magnitude.

        Returns:
            (1, i, j, k) or (2, i, j, k) single precision, of the same kind.
        """
        return namespace(initial).concatenate(self.channels(initial, measured, operator))

    def channels(self, initial: Array, measured: Array, operator: Operator) -> list[Array]:
        """The same, each (1, i, j, k) by itself: large volumes need not be held twice."""
        if self.projections == 0:
            return [initial[None]]
        change = back_project(initial, Measurement(measured, operator), self.projections) - initial
        change *= MAGNIFIED
        return [initial[None], change[None]]

    def told(
        self,
        lost: Sequence[float],
        shape: Sequence[int],
        start: Sequence[int] = (0, 0, 0),
        order: Sequence[int] = NATURAL,
        *,
        profiles: Sequence[Sequence[float]] = UNKNOWN,
        device: torch.device | None = None,
    ) -> Tensor:
        """The planes; expanded, not copied, unless they tell profiles.

        Args:
            lost: how many times finer the target resolves than the scan, along each axis, see `acquisition.lost_resolution`.
            shape: of the volume.
            start: the first voxel on the target grid, as the network sees its axes.
            order: which axis of the volume comes first, second, third for the network.
            profiles: along each axis of the volume, see `profile_table`.
            device: where they are to be.

        Returns:
            (planes, i, j, k), in the volume's own order of axes.
        """
        turned = [shape[axis] for axis in order]
        planes = factor_planes([lost[axis] for axis in order], start, turned, self.phase, device)
        if self.profiled:
            facts = torch.tensor([profiles[axis] for axis in order[: self.profiled]], device=device).flatten()
            planes = torch.cat([planes, facts[:, None, None, None].expand(-1, *turned)])
        back = np.argsort(order)
        return planes.permute(0, *(int(place) + 1 for place in back))

    def shown(
        self,
        estimates: Tensor,
        lost: Sequence[float],
        start: Sequence[int] = (0, 0, 0),
        order: Sequence[int] = NATURAL,
        profiles: Sequence[Sequence[float]] = UNKNOWN,
    ) -> Tensor:
        """The estimates, (estimates, i, j, k), with their planes behind them; see `told`."""
        if not self.planes:
            return estimates
        planes = self.told(
            lost, estimates.shape[1:], start, order, profiles=profiles, device=estimates.device
        )
        return torch.cat([estimates, planes])


PLAIN = Inputs()
"""The initial estimate and the three planes."""


def without_second_estimate(inputs: Tensor) -> Tensor:
    """(N, C, i, j, k) as a network without back-projection is shown it."""
    return torch.cat([inputs[:, :1], inputs[:, 2:]], dim=1)


def factor_planes(
    factor: Sequence[float],
    start: Sequence[int],
    shape: Sequence[int],
    phase: bool,
    device: torch.device | None = None,
) -> Tensor:
    """What a network is told about the acquisition, voxel by voxel, as constant or slowly varying planes.

    Args:
        factor: how many times finer the target is than the scan along each axis.
        start: the first voxel of the planes on the target grid.
        shape: their (i, j, k).
        phase: for networks that refine axis 0 only: three planes, the factor's logarithm along it and where between
            two measured slices a voxel lies (cosine and sine, period one measured slice). Otherwise three planes,
            the factors' logarithms along the three axes.
        device: where they are to be.

    Returns:
        (3, i, j, k) float32; expanded, not copied.
    """
    logs = torch.log2(torch.tensor([float(f) for f in factor]))
    i, j, k = shape
    if not phase:
        return logs.to(device)[:, None, None, None].expand(3, i, j, k)
    position = (torch.arange(start[0], start[0] + i, dtype=torch.float64) + 0.5) / float(factor[0]) - 0.5
    angle = 2 * torch.pi * position
    planes = torch.stack([torch.full((i,), float(logs[0])), angle.cos().float(), angle.sin().float()])
    planes = planes.to(device)
    return planes[:, :, None, None].expand(3, i, j, k)
