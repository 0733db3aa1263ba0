"""What settings mean for a scan: the grid that is asked for, and how the scan is taken to have been made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ..errors import InputError
from ..image.grid import FACTOR_TOLERANCE, Grid, Target, Triple
from ..models.card import Card
from ..physics.acquisition import Acquisition
from ..physics.profiles import PROFILES
from ..physics.protocols import PROTOCOLS, Flags, Protocol, protocol_named
from ..physics.stated import Stated

Source = Literal["stated", "assumed"]
"""Whether somebody said how the scan was made, or nobody knows. Later: read from its headers, estimated from its voxels."""

ISOTROPIC_TOLERANCE = 1.05


@dataclass(frozen=True, eq=False)
class Plan:
    """What a run does.

    Args:
        scan, target: the two grids.
        acquisition: how the scan is taken to have been made.
        source: where that is known from.
    """

    scan: Grid
    target: Grid
    acquisition: Acquisition
    source: Source

    @property
    def factor(self) -> Triple:
        """How many times finer the target is, along each axis."""
        return self.scan.factor_to(self.target)

    @property
    def keeps_matrix(self) -> bool:
        """Whether no axis is refined."""
        return max(self.factor) <= 1 + FACTOR_TOLERANCE

    @property
    def condition(self) -> str:
        """What must be true of the scan for the acquisition to be right, as the end of a sentence that begins with "if"."""
        kind = next((text for name in self.acquisition.profile if (text := PROFILES[name].condition)), "")
        if min(self.acquisition.kspace) < 1:
            return f"only the central {100 * min(self.acquisition.kspace):.0f} % of its k-space was measured"
        if kind:
            return kind.format(width=max(self.acquisition.width))
        hit = [axis for axis in range(3) if self.acquisition.profile[axis] != "none"]
        if not hit:
            return "it lost nothing but what its voxels show"
        width = max(self.acquisition.width[axis] for axis in hit)
        if self.keeps_matrix:
            return f"it is blurred as by a Gaussian {width:.1f} voxels wide"
        if len(hit) == 1:
            share = "" if width == 1 else f"{width:.2g} times "
            return f"its slices are {share}as thick as they are apart"
        return "it is as sharp as its voxels are large"


def plan(
    scan: Grid,
    target: Target | Grid | None = None,
    acquisition: str | Acquisition | None = None,
    card: Card | None = None,
) -> Plan:
    """The plan that settings mean for a scan.

    Args:
        scan: where its voxels are.
        target: see `enhance.Settings`; None keeps the matrix where only that suits the statement or the model, and else makes an
            anisotropic scan isotropic and an isotropic one twice as fine.
        acquisition: the name of a protocol, a statement (see `stated`), the forward model itself, or None if it is not known.
        card: of the model that is to run. On the scan's own matrix a model must know what was lost: without a statement its card's own
            acquisition is assumed.

    Raises:
        InputError: the target or the statement cannot be used, or the model must be told how the scan was made.
    """
    grid = (
        target if isinstance(target, Grid) else (target or _usual_target(scan, acquisition, card)).grid(scan)
    )
    factor = scan.factor_to(grid)
    if acquisition is not None:
        return Plan(scan, grid, _forward_model(scan, factor, acquisition), "stated")
    if max(factor) <= 1 + FACTOR_TOLERANCE and card is not None and card.restores_matrix:
        if not card.acquisition:
            raise InputError(
                f"{card.title} must be told how the scan was made: state it, for instance as kspace:0.5 or blur:3."
            )
        return Plan(scan, grid, _forward_model(scan, factor, card.acquisition), "assumed")
    return Plan(scan, grid, Acquisition.of_factor(factor), "assumed")


def check_statement(text: str) -> str:
    """The text itself, if it is the name of a protocol or a statement; else `InputError`."""
    if text not in PROTOCOLS and not text.partition(":")[1]:
        raise InputError(
            f"There is no protocol {text!r}; choose one of {', '.join(PROTOCOLS)}, or say how the scan was made, as slices:3."
        )
    if text not in PROTOCOLS:
        Stated.of(text)
    return text


def default_target(scan: Grid) -> Target:
    """Isotropic voxels for an anisotropic scan, twice the resolution for an isotropic one."""
    lengths = [s for s, n in zip(scan.spacing, scan.shape, strict=True) if n > 1]
    if lengths and max(lengths) > ISOTROPIC_TOLERANCE * min(lengths):
        return Target.isotropic()
    return Target.factor([2.0 if n > 1 else 1.0 for n in scan.shape])


def _usual_target(scan: Grid, acquisition: str | Acquisition | None, card: Card | None) -> Target:
    if isinstance(acquisition, str):
        if protocol := PROTOCOLS.get(check_statement(acquisition)):
            affected = _affected(scan, protocol)
            return Target.factor([protocol.factor if hit else 1.0 for hit in affected])
        if Stated.of(acquisition).keeps_matrix:
            return Target.factor(1)
    if (
        card is not None
        and card.trained
        and all(set(trained.refined_axes) == {0} for trained in card.trained)
    ):
        return Target.factor(1)
    return default_target(scan)


def _forward_model(scan: Grid, factor: Sequence[float], acquisition: str | Acquisition) -> Acquisition:
    if isinstance(acquisition, Acquisition):
        return acquisition
    if check_statement(acquisition) in PROTOCOLS:
        protocol = protocol_named(acquisition)
        return protocol.acquisition(_affected(scan, protocol, factor))
    return Stated.of(acquisition).acquisition(scan, factor)


def _affected(scan: Grid, protocol: Protocol, factor: Sequence[float] = (1.0, 1.0, 1.0)) -> Flags:
    """The axes a protocol acts on: of thick slices, the one that is refined most, else the thickest, else the protocol's own."""
    usual = protocol.affected(scan.orientation)
    if protocol.axes != "one":
        return usual
    ranks = [(round(f, 3), round(s, 3), own) for f, s, own in zip(factor, scan.spacing, usual, strict=True)]
    return protocol.affected(scan.orientation, ranks.index(max(ranks)))
