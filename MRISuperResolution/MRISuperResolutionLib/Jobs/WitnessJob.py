"""What another stack of the same subject says of a result."""

from typing import Any

from mrisr.jobs import witness

from ..Scene import Stacks, VolumeBridge
from ..Scene.ScanHeader import knownOf, patientOf
from ..System import Dependencies
from .Job import Job


class WitnessJob(Job):
    """A map of where the stack confirms what the result added to plain interpolation, and a sentence."""

    stages = ("reading", "registration", "refinement", "witness")

    def __init__(self, result, scan, stack, device: str = "auto") -> None:
        super().__init__()
        self.result, self.scan, self.stack, self.device = result, scan, stack, device
        self.testimony: dict[str, Any] = {}

    @property
    def packages(self) -> tuple[str, ...]:
        return Dependencies.NETWORK

    @property
    def sentence(self) -> str:
        return self.testimony.get("sentence", "")

    def request(self) -> witness.Request:
        paths = [self.folder / f"{name}.nrrd" for name in ("result", "scan", "stack")]
        for node, path in zip((self.result, self.scan, self.stack), paths, strict=True):
            VolumeBridge.write(node, str(path))
        return witness.Request(
            paths[0],
            paths[1],
            paths[2],
            self.folder / "agreement.mha",
            known=knownOf(self.stack),
            name=self.stack.GetName(),
            subjects=(patientOf(self.scan), patientOf(self.stack)),
            device=self.device,
        )

    def collect(self, final: dict[str, Any]) -> list[Any]:
        self.testimony = final["testimony"]
        fill = lambda node: VolumeBridge.read(node, final["map"])  # noqa: E731
        return [Stacks.addAgreement(self.result, self.stack, fill, self.sentence)]
