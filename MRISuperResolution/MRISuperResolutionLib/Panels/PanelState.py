"""What the panels show: the settings, and what follows from them."""

from dataclasses import dataclass
from typing import Any

from mrisr.models.card import Card
from mrisr.pipeline.knowledge import Known
from mrisr.pipeline.proposal import Proposal

from ..Jobs.Plan import Plan
from ..Scene.Maps import Trust
from ..Scene.Region import Box
from ..Scene.ScanInfo import ScanInfo


@dataclass(frozen=True)
class PanelState:
    """Made once an update, by ``Decisions``.

    :param parameters: the scene's ``MRISuperResolutionParameterNode``, which changes while the panels keep the state.
    :param idle: no run is going on.
    :param scan: what the input is; None without one that can be enhanced.
    :param known: what the scan's headers and voxels tell of how it was made.
    :param statement: how the scan was made, as the engine reads it; None while nothing is stated.
    :param region: the voxels of the input that are to be enhanced; None for all.
    :param plan: what a run of the chosen model would do; None without a scan or a usable target.
    :param proposal: the models that suit the scan and target; None without a plan.
    :param card: the chosen model's.
    :param refusal: why no run can start, as a sentence; empty if one can.
    """

    parameters: Any
    idle: bool
    scan: ScanInfo | None = None
    known: Known | None = None
    statement: str | None = None
    region: Box | None = None
    plan: Plan | None = None
    proposal: Proposal | None = None
    card: Card | None = None
    refusal: str = ""

    @property
    def trust(self) -> Trust | None:
        """What is known of the chosen result. Read anew each time: a run may have gone into the same node."""
        return Trust.of(self.parameters.trustResult)
