"""What settings mean for a scan: the grid that is asked for, and how the scan is taken to have been made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from ..errors import InputError
from ..image.grid import FACTOR_TOLERANCE, Grid, Target, Triple
from ..models.card import Card
from ..physics.acquisition import Acquisition, lost_resolution
from ..physics.profiles import PROFILES
from ..physics.protocols import PROTOCOLS, Flags, Protocol, protocol_named
from ..physics.stated import Stated
from .assumption import SHARP, USUAL, Belief, Source, believed, told
from .basis import basis_of, contradiction_of, slices_text
from .knowledge import Known

ISOTROPIC_TOLERANCE = 1.05

FILLED = 0.95
"""A scan of which less than this fraction was measured along an axis counts as zero-filled."""


@dataclass(frozen=True, eq=False)
class Plan:
    """What a run does.

    Args:
        scan, target: the two grids.
        acquisition: how the scan is taken to have been made.
        source: where that is known from; of several axes, of the one that is refined most.
        basis: that, as a line for people.
        contradiction: where the headers and the voxels disagree, a sentence; empty where they do not.
        told: how networks are shown that it was made.
        known: along which axes it is known how, rather than guessed or as is usual.
        plausible: the sharpest and the softest acquisition that go with what is known, where that is nothing; else empty.
    """

    scan: Grid
    target: Grid
    acquisition: Acquisition
    source: Source
    basis: str = ""
    contradiction: str = ""
    told: Acquisition = field(default_factory=Acquisition)
    known: Flags = (False, False, False)
    plausible: tuple[Acquisition, ...] = ()

    @property
    def factor(self) -> Triple:
        """How many times finer the target is, along each axis."""
        return self.scan.factor_to(self.target)

    @property
    def lost(self) -> list[float]:
        """How many times finer the result is to resolve than the scan, along each axis."""
        return lost_resolution(self.factor, self.acquisition.kspace)

    @property
    def keeps_matrix(self) -> bool:
        """Whether no axis is refined."""
        return max(self.factor) <= 1 + FACTOR_TOLERANCE

    @property
    def condition(self) -> str:
        """What must be true of the scan for the acquisition to be right, as the end of a sentence that begins with "if"."""
        about = "about " if self.source == "estimated" else ""
        kind = next((text for name in self.acquisition.profile if (text := PROFILES[name].condition)), "")
        if min(self.acquisition.kspace) < 1:
            return f"only the central {100 * min(self.acquisition.kspace):.0f} % of its k-space was measured"
        if kind:
            return kind.format(width=max(self.acquisition.width))
        hit = [axis for axis in range(3) if self.acquisition.profile[axis] != "none"]
        if not hit:
            return "it lost nothing but what its voxels show"
        width, apart = max((self.acquisition.width[axis], self.scan.spacing[axis]) for axis in hit)
        if self.keeps_matrix:
            return f"it is blurred over {width * apart:.2g} mm"
        if len(hit) == 1:
            thick = slices_text(round(width * apart, 1) if about else width * apart, apart)
            return f"its slices are {about}{thick.partition(' ')[2]}"
        if self.source == "estimated" and width > SHARP:
            return f"it is blurred over about {width * apart:.1f} mm"
        return "it is as sharp as its voxels are large"

    @property
    def doubt(self) -> str:
        """The condition, and why it is none to rely on, where nobody and no header says how the scan was made; else empty."""
        return f"{self.condition} ({self.source})" if self.source in ("assumed", "estimated") else ""


def plan(
    scan: Grid,
    target: Target | Grid | None = None,
    acquisition: str | Acquisition | None = None,
    card: Card | None = None,
    known: Known | None = None,
) -> Plan:
    """The plan that settings mean for a scan.

    Args:
        scan: where its voxels are.
        target: see `enhance.Settings`; None keeps the matrix where only that suits the statement or the model, and else makes an
            anisotropic scan isotropic and an isotropic one twice as fine.
        acquisition: the name of a protocol, a statement (see `stated`), the forward model itself, or None if it is not known.
        card: of the model that is to run. On the scan's own matrix a model must know what was lost: where neither a statement nor a
            header says, its card's own acquisition is assumed.
        known: what headers and voxels tell of the scan, see `knowledge.known_of`; None if nobody has looked. A statement goes before a
            header, a header before an estimate, an estimate before what is usual.

    Raises:
        InputError: the target or the statement cannot be used, or the model must be told how the scan was made.
    """
    known = known or Known()
    beliefs = [believed(scan, axis, known.header, known.estimate) for axis in range(3)]
    planned = _planned(scan, _Asked(target, acquisition, card), known, beliefs)
    i, j, k = (0.0 if planned.source == "stated" else belief.softer for belief in beliefs)
    return replace(planned, told=told(planned.acquisition, [b.sort for b in beliefs], (i, j, k)))


class _Asked(NamedTuple):
    """What is asked for, see `plan`."""

    target: Target | Grid | None
    acquisition: str | Acquisition | None
    card: Card | None


def _planned(scan: Grid, asked: _Asked, known: Known, beliefs: Sequence[Belief]) -> Plan:
    """The plan, but for what networks are told."""
    target, acquisition, card = asked
    grid = (
        target if isinstance(target, Grid) else (target or _usual_target(scan, acquisition, card)).grid(scan)
    )
    factor = scan.factor_to(grid)
    usual = _usual(factor, beliefs)
    first = max(range(3), key=lambda axis: (round(factor[axis], 3), scan.spacing[axis]))
    if acquisition is not None:
        planned = Plan(scan, grid, _forward_model(scan, factor, acquisition, usual), "stated")
        basis = _stated_basis(planned, first, beliefs[first])
        return replace(planned, basis=basis, known=_beyond_usual(planned.acquisition, usual))
    if max(factor) <= 1 + FACTOR_TOLERANCE:
        return _on_its_matrix(scan, grid, card, known)
    belief, header = beliefs[first], known.header
    basis = basis_of(belief, first, header, scan.spacing[first])
    plausible = _plausible(factor, beliefs) if belief.source == "assumed" else ()
    contradiction = contradiction_of(belief, first, header, scan.spacing[first])
    return Plan(scan, grid, usual, belief.source, basis, contradiction, plausible=plausible)


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


def _usual(factor: Sequence[float], beliefs: Sequence[Belief]) -> Acquisition:
    """Gaussian profiles on the axes that are refined, as wide as they are believed to be."""
    return _gaussian(factor, [belief.width for belief in beliefs])


def _beyond_usual(stated: Acquisition, usual: Acquisition) -> Flags:
    """The axes that a statement says something of; the others are as usual."""
    i, j, k = (
        (stated.profile[axis], stated.width[axis]) != (usual.profile[axis], usual.width[axis])
        for axis in range(3)
    )
    return i, j, k


def _plausible(factor: Sequence[float], beliefs: Sequence[Belief]) -> tuple[Acquisition, Acquisition]:
    """The same with the smallest and with the largest width that is plausible where one is only assumed."""
    sharp, soft = (
        [USUAL[b.sort].plausible[edge] if b.source == "assumed" else b.width for b in beliefs]
        for edge in (0, 1)
    )
    return _gaussian(factor, sharp), _gaussian(factor, soft)


def _gaussian(factor: Sequence[float], widths: Sequence[float]) -> Acquisition:
    acquisition = Acquisition.of_factor(factor)
    i, j, k = (
        1.0 if name == "none" else width for name, width in zip(acquisition.profile, widths, strict=True)
    )
    return replace(acquisition, width=(i, j, k))


def _on_its_matrix(scan: Grid, target: Grid, card: Card | None, known: Known) -> Plan:
    """Nothing is refined: the header may say that k-space was filled with zeros; else a model's card says what it restores."""
    factor, header = scan.factor_to(target), known.header
    if header is not None and min(fractions := [f or 1.0 for f in header.resolved]) < FILLED:
        filled = Acquisition(kspace=(fractions[0], fractions[1], fractions[2]))
        if card is None or card.misfit(factor, filled.kspace, filled.profile, filled.width) is None:
            basis = f"Measured with {100 * min(fractions):.0f} % of the k-space that its voxels could hold (read from the {header.origin})."
            return Plan(scan, target, filled, "read", basis)
    acquisition: str | Acquisition = Acquisition()
    if card is not None and card.restores_matrix:
        if not card.acquisition:
            raise InputError(
                f"{card.title} must be told how the scan was made: state it, for instance as kspace:0.5 or blur:3."
            )
        acquisition = card.acquisition
    planned = Plan(scan, target, _forward_model(scan, factor, acquisition, Acquisition()), "assumed")
    because = (
        "as the model was trained for" if card is not None and card.restores_matrix else "nobody says more"
    )
    return replace(planned, basis=f"Taken as if {planned.condition} (assumed: {because}).")


def _stated_basis(planned: Plan, first: int, belief: Belief) -> str:
    made, apart = planned.acquisition, planned.scan.spacing[first]
    profiled = not planned.keeps_matrix and min(made.kspace) == 1 and made.profile[first] != "none"
    if profiled and (belief.sort == "slices" or sum(name != "none" for name in made.profile) == 1):
        return f"{slices_text(made.width[first] * apart, apart)} (stated)."
    return f"Taken as stated: {planned.condition}."


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


def _forward_model(
    scan: Grid, factor: Sequence[float], acquisition: str | Acquisition, usual: Acquisition
) -> Acquisition:
    """What a statement means; axes of which it says nothing are as usual."""
    if isinstance(acquisition, Acquisition):
        return acquisition
    if check_statement(acquisition) in PROTOCOLS:
        protocol = protocol_named(acquisition)
        return protocol.acquisition(_affected(scan, protocol, factor))
    return Stated.of(acquisition).acquisition(scan, factor, usual)


def _affected(scan: Grid, protocol: Protocol, factor: Sequence[float] = (1.0, 1.0, 1.0)) -> Flags:
    """The axes a protocol acts on: of thick slices, the one that is refined most, else the thickest, else the protocol's own."""
    usual = protocol.affected(scan.orientation)
    if protocol.axes != "one":
        return usual
    ranks = [(round(f, 3), round(s, 3), own) for f, s, own in zip(factor, scan.spacing, usual, strict=True)]
    return protocol.affected(scan.orientation, ranks.index(max(ranks)))
