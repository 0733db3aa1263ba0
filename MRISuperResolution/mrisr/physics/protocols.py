"""The degradations by which models are compared, by name (DESIGN §4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

import numpy as np

from ..errors import InputError
from ..image.grid import Grid, Triple
from ..image.normalization import Normalization
from ..image.volume import Volume
from .acquisition import Acquisition
from .operators import FWHM_PER_SIGMA

Flags = tuple[bool, bool, bool]


Axes = Literal["all", "one", "two"]


@dataclass(frozen=True, kw_only=True)
class Protocol:
    """A way to make a low-resolution scan from a reference, in voxels of the reference.

    Args:
        name: as on the command line.
        summary: one line for people.
        axes: `all`; `one`, by default anterior–posterior; or `two`, by default all but superior–inferior.
        factor: the scan's spacing over the reference's, along the affected axes; 1 keeps the matrix.
        profile, width, kspace, noise: see `Acquisition`; they hold for the affected axes.
        keep_background: whether voxels that are 0 in the reference are 0 in the scan.
    """

    name: str
    summary: str
    axes: Axes = "all"
    factor: float = 1.0
    profile: str = "none"
    width: float = 1.0
    kspace: float = 1.0
    noise: float = 0.0
    keep_background: bool = False

    @property
    def same_matrix(self) -> bool:
        """Whether the scan has the reference's grid."""
        return self.factor == 1.0

    def affected(self, orientation: str, axis: int | None = None) -> Flags:
        """Which axes the protocol acts on, for a scan of this orientation (such as `RAS`).

        Args:
            orientation: as `Volume.orientation`.
            axis: of a protocol for one axis, that axis; for two, the axis left alone; None for the default.
        """
        if self.axes == "all":
            return (True, True, True)
        letters = "AP" if self.axes == "one" else "SI"
        chosen = axis if axis is not None else next(a for a in range(3) if orientation[a] in letters)
        if chosen not in (0, 1, 2):
            raise InputError(f"The axis must be 0, 1 or 2; got {axis}.")
        return _flags((a == chosen) == (self.axes == "one") for a in range(3))

    def acquisition(self, affected: Flags = (True, True, True)) -> Acquisition:
        """The forward model, acting on the axes that `affected` names."""
        profiles = [self.profile if hit else "none" for hit in affected]
        return Acquisition(
            profile=(profiles[0], profiles[1], profiles[2]),
            width=_where(affected, self.width),
            kspace=_where(affected, self.kspace),
            noise=self.noise,
        )

    def measured_grid(self, reference: Grid, affected: Flags) -> Grid:
        """The scan's grid for a reference grid."""
        return reference.resampled([1 / self.factor if hit else 1.0 for hit in affected])

    def simulate(self, reference: Volume, axis: int | None = None, seed: int = 0) -> Volume:
        """The low-resolution scan of `reference`."""
        # A lone slice has no neighbours to be blurred with.
        hits = (
            hit and n > 1
            for hit, n in zip(self.affected(reference.orientation, axis), reference.shape, strict=True)
        )
        affected = _flags(hits)
        acquisition = self.acquisition(affected)
        scan = acquisition.simulate(reference, self.measured_grid(reference.grid, affected), seed)
        if self.keep_background:
            return scan.with_array(np.where(reference.array == 0, np.float32(0), scan.array))
        return scan


def _flags(values: Iterable[bool]) -> Flags:
    i, j, k = values
    return (i, j, k)


def _where(affected: Flags, value: float) -> Triple:
    i, j, k = (value if hit else 1.0 for hit in affected)
    return (i, j, k)


PROTOCOLS: dict[str, Protocol] = {
    protocol.name: protocol
    for protocol in (
        Protocol(name="iso2", summary="half the resolution on all axes", factor=2, profile="gaussian"),
        Protocol(
            name="iso2-noisy",
            summary="half the resolution on all axes, 2 % noise",
            factor=2,
            profile="gaussian",
            noise=0.02,
        ),
        Protocol(name="thick4", summary="slices 4 voxels thick", axes="one", factor=4, profile="gaussian"),
        Protocol(name="thick6", summary="slices 6 voxels thick", axes="one", factor=6, profile="gaussian"),
        Protocol(
            name="iso2-kspace",
            summary="the central half of k-space on all axes, on half the matrix",
            factor=2,
            profile="kspace",
        ),
        Protocol(name="iso2-rect", summary="means of 2 x 2 x 2 voxels", factor=2, profile="rectangle"),
        Protocol(
            name="thick4-rect",
            summary="rectangular slices 4 voxels thick",
            axes="one",
            factor=4,
            profile="rectangle",
        ),
        Protocol(
            name="thick4-gap",
            summary="rectangular slices 2.8 voxels thick, 4 apart",
            axes="one",
            factor=4,
            profile="rectangle",
            width=0.7,
        ),
        Protocol(
            name="thick4-thin",
            summary="slices 2 voxels thick, 4 apart",
            axes="one",
            factor=4,
            profile="gaussian",
            width=0.5,
        ),
        Protocol(name="kspace-2x2", summary="central 50 % of k-space on two axes", axes="two", kspace=0.5),
        Protocol(name="kspace-5x5", summary="central 20 % of k-space on two axes", axes="two", kspace=0.2),
        Protocol(
            name="zoom2",
            summary="zoomed down and up by 2, order 2",
            profile="zoom",
            width=2,
            keep_background=True,
        ),
        Protocol(
            name="zoom4",
            summary="zoomed down and up by 4, order 2",
            profile="zoom",
            width=4,
            keep_background=True,
        ),
        Protocol(
            name="spline-1p6-3",
            summary="cubic spline to 3/1.6 of the spacing and back",
            profile="spline",
            width=1.875,
        ),
        Protocol(
            name="blur",
            summary="Gaussian blur, sigma 1.5 voxels, same matrix",
            profile="gaussian",
            width=1.5 * FWHM_PER_SIGMA,
        ),
    )
}


def protocol_named(name: str) -> Protocol:
    """The protocol of this name, or `InputError` with the list of names."""
    if name not in PROTOCOLS:
        raise InputError(f"There is no protocol {name!r}; choose one of {', '.join(PROTOCOLS)}.")
    return PROTOCOLS[name]


def prepare_reference(volume: Volume) -> Volume:
    """The scan as a reference: clipped at its 99.9th percentile and scaled to [0, 1]."""
    normalized = Normalization.of(volume.array).apply(volume.array)
    return volume.with_array(np.clip(normalized, 0, 1))
