"""Looks at the chosen scan, and asks the engine which model to run on it, with what this computer has shown of its speed."""

import contextlib

from mrisr.errors import MrisrError
from mrisr.image.header import Header
from mrisr.pipeline.duration import Demand
from mrisr.pipeline.knowledge import Known, known_of
from mrisr.pipeline.proposal import Proposal, noise_of, propose

from ..Scene import VolumeBridge
from ..System.ModelStore import ModelStore
from . import Plan


class Proposer:
    """Remembers what the scan it saw last showed: a look at a scan takes a moment, a look at a target must not."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        self._seen: tuple[str, int] | None = None
        self._noise, self._known = 0.0, Known()

    def propose(self, parameters, plan: Plan.Plan | None) -> Proposal | None:
        """The models that suit the scan and target, and which to take; None while there is no plan. Times are of one sample."""
        if plan is None or plan.engine is None:
            return None
        device, precision = parameters.device.value, parameters.precision.value
        demand = Demand.of(plan.engine)
        return propose(
            plan.engine,
            self._noise,
            cards=self._store.cards,
            gpu=Plan.usedDevice(device) != "cpu",
            seconds=lambda card: Plan.expectedSeconds(card, demand, device, precision),
        )

    def forget(self) -> None:
        """The scene closes."""
        self._seen, self._noise, self._known = None, 0.0, Known()

    def look(self, node, header: Header | None) -> Known:
        """What headers and voxels tell of how a scan was made; both are looked at once, in the middle of the scan."""
        key = (node.GetID(), node.GetImageData().GetMTime())
        if key != self._seen:
            self._seen, self._noise, self._known = key, 0.0, Known(header)
            with contextlib.suppress(MrisrError):  # what is wrong with the scan is said where it was chosen
                scan = VolumeBridge.scanFromNode(node)
                self._noise, self._known = noise_of(scan), known_of(scan, header)
        return self._known
