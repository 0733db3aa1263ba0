"""What follows from the settings: looks at the scan, fills in what is usual, asks for a proposal, and makes the plan."""

from dataclasses import replace
from typing import Any

from mrisr.errors import InputError, MrisrError
from mrisr.pipeline.knowledge import Known
from mrisr.pipeline.proposal import Proposal

from ..Jobs.Plan import Plan
from ..Jobs.Proposer import Proposer
from ..Jobs.Settings import targetOf
from ..Scene import Refusals, Region, VolumeBridge
from ..Scene.Acquisition import statementOf
from ..Scene.ParameterNode import Making
from ..Scene.ScanInfo import ScanInfo
from ..System.ModelStore import ModelStore
from . import Suggestions
from .PanelState import PanelState


class Decisions:
    """Makes the ``PanelState``. Settings that follow from others are written into them on the way."""

    def __init__(self, store: ModelStore) -> None:
        self._store, self._proposer = store, Proposer(store)
        self._node: Any = None
        self._scan: ScanInfo | None = None
        self._unusable = ""
        self._stated: Making | None = None

    def state(self, parameters, idle: bool) -> PanelState:
        """The target first: what it asks for decides which models suit. The chosen model has its say on the plan then."""
        self._followInput(parameters)
        self._followStatement(parameters)
        state = self._targeted(PanelState(parameters, idle, self._scan, known=self._known(parameters)))
        proposal = self._proposer.propose(parameters, self._planned(state).plan)
        self._followProposal(parameters, proposal)
        state = self._planned(replace(state, proposal=proposal, card=self._store.card(parameters.model)))
        return replace(state, refusal=self._refusal(state))

    def look(self, node) -> None:
        """Take up a volume that was chosen before: its target stays as it is."""
        self._node, self._scan = node, None
        self._unusable = Refusals.ofInput(node)
        if not self._unusable:
            try:
                self._scan = ScanInfo.ofNode(node)
            except MrisrError as error:
                self._unusable = str(error)

    def forget(self) -> None:
        """Another module is shown, or the scene closes."""
        self._node, self._stated = None, None
        self._proposer.forget()

    def _followInput(self, parameters) -> None:
        node = parameters.inputVolume
        if node is self._node and node is not None:
            return
        self.look(node)
        if self._scan is not None:
            Suggestions.forScan(parameters, self._scan)

    def _followStatement(self, parameters) -> None:
        making = Making[parameters.making.name]
        changed = self._stated not in (None, making)
        self._stated = making
        if changed:
            Suggestions.forStatement(parameters, making, self._scan)

    def _followProposal(self, parameters, proposal: Proposal | None) -> None:
        """A model that is not the proposed one was picked, and stays."""
        picked = parameters.model in self._store.names() and parameters.model != parameters.proposedModel
        if proposal is not None and not picked:
            parameters.model = parameters.proposedModel = proposal.model

    def _known(self, parameters) -> Known | None:
        """What the scan itself tells of how it was made."""
        if self._scan is None:
            return None
        return self._proposer.look(parameters.inputVolume, self._scan.header)

    def _targeted(self, state: PanelState) -> PanelState:
        """With what is stated, and with the box that is to be enhanced; or with what is wrong with one of them."""
        parameters = state.parameters
        try:
            state = replace(state, statement=statementOf(parameters))
        except InputError as error:
            return replace(state, refusal=str(error))
        if state.scan is None or parameters.region is None:
            return state
        region = Region.boxOf(parameters.region, parameters.inputVolume)
        return replace(state, region=region, refusal=Refusals.ofRegion(parameters.region, region, state.scan))

    @staticmethod
    def _planned(state: PanelState) -> PanelState:
        """With the plan for the model that is chosen so far."""
        if state.scan is None or state.refusal:
            return state
        parameters = state.parameters
        grid = VolumeBridge.gridOf(parameters.inputVolume)
        source = grid if state.region is None else grid.cropped(*state.region)
        plan = Plan.of(source, targetOf(parameters), state.statement, state.card, state.known)
        return replace(state, plan=plan, refusal=plan.refusal)

    def _refusal(self, state: PanelState) -> str:
        parameters = state.parameters
        return (
            self._unusable
            or state.refusal
            or Refusals.ofOutput(parameters.outputVolume, parameters.inputVolume)
            or ("" if state.card is not None else self._store.problem)
        )
