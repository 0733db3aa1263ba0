"""Asks the engine which model to run on the chosen scan, with what this computer has shown of its speed."""

import contextlib

from mrisr.errors import MrisrError
from mrisr.pipeline.proposal import Proposal, noise_of, propose

from ..Scene import VolumeBridge
from ..System.ModelStore import ModelStore
from . import Plan


class Proposer:
    """Remembers the noise of the scan it saw last: a look at a scan takes a moment, a look at a target must not."""

    def __init__(self, store: ModelStore) -> None:
        self._store = store
        self._seen: tuple[str, int] | None = None
        self._noise = 0.0

    def propose(self, parameters, plan: Plan.Plan | None) -> Proposal | None:
        """The models that suit the scan and target, and which to take; None while there is no plan. Times are of one sample."""
        if plan is None or plan.engine is None:
            return None
        device, precision, megavoxels = parameters.device.value, parameters.precision.value, plan.megavoxels
        return propose(
            plan.engine,
            self._noiseOf(parameters.inputVolume),
            cards=self._store.cards,
            gpu=Plan.usedDevice(device) != "cpu",
            seconds=lambda card: Plan.expectedSeconds(card, megavoxels, device, precision),
        )

    def forget(self) -> None:
        """The scene closes."""
        self._seen, self._noise = None, 0.0

    def _noiseOf(self, node) -> float:
        key = (node.GetID(), node.GetImageData().GetMTime())
        if key != self._seen:
            self._seen, self._noise = key, 0.0
            with contextlib.suppress(MrisrError):  # what is wrong with the scan is said where it was chosen
                self._noise = noise_of(VolumeBridge.volumeFromNode(node))
        return self._noise
