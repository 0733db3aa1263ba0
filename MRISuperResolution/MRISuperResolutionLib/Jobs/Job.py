"""The pieces of work a worker can be given: each writes its files, says what to do, and brings the results home."""

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import slicer
from slicer.i18n import tr as _

from mrisr.jobs import batch, enhancement, simulation
from mrisr.jobs.tasks import written_job
from mrisr.pipeline.settings import Settings

from ..Scene import Maps, VolumeBridge
from ..Scene.ScanHeader import headerOf, knownOf
from ..System import Dependencies, Machine
from ..System.JobFolder import JobFolder

ENHANCING = ("reading", "interpolation", "model", "consistency", "writing")


class Job:
    """A folder of temporary files that goes with ``close``, and what to do with them."""

    model = ""
    stages: tuple[str, ...] = ("reading", "writing")
    """What a run goes through, as the worker calls it."""
    runs = 1
    """How many scans go through the stages, one after the other."""
    settings: Settings
    """Of the jobs that enhance."""

    def __init__(self) -> None:
        self._files = JobFolder(slicer.app.temporaryPath)
        self.folder = self._files.path
        self.remarks: list[str] = []
        self._places: dict[Any, VolumeBridge.Place] = {}

    def request(self) -> Any:
        """Write the inputs; what the worker is asked for, a ``Request`` of ``mrisr.jobs``."""
        raise NotImplementedError

    @property
    def packages(self) -> tuple[str, ...]:
        """Import names of what the worker needs beside what Slicer ships."""
        return Dependencies.packagesFor([self.model] if self.model else [])

    def collect(self, final: dict[str, Any]) -> list[Any]:
        """The result nodes, put into the scene; ``remarks`` are lines for the log about that."""
        raise NotImplementedError

    def note(self, event: dict[str, Any]) -> str:
        """A line for the log about an event that is no progress. What it tells of the computer is kept for the next estimate."""
        if event["event"] == "machine":
            Machine.rememberPace(event)
            return _(
                "This computer ({device}, {precision}) does {count:.3g} billion multiply-adds a second."
            ).format(
                device=event["device"],
                precision=event["precision"],
                count=event["multiply_adds"] / 1e9,
            )
        return event.get("message", "")

    def write(self) -> Path:
        path = self.folder / "job.json"
        path.write_text(json.dumps(written_job(self.request())), encoding="utf-8")
        return path

    def close(self) -> None:
        self._files.close()

    def path(self, name: str) -> str:
        return str(self.folder / name)

    def _export(self, source, path: str) -> None:
        """Write a volume, and remember where it was: it may be moved while the worker computes."""
        VolumeBridge.write(source, path)
        self._places[source] = VolumeBridge.Place.of(source)

    def _imported(self, path: str, node, name: str, source, provenance: dict[str, Any]):
        """The file as a node that is placed and described; ``node`` itself if it is still in the scene."""
        if node is None or node.GetScene() is None:
            node = VolumeBridge.addNode(name)
        VolumeBridge.read(node, path)
        place = self._places[source]
        VolumeBridge.inherit(node, source, place)
        VolumeBridge.describe(node, source, provenance)
        if change := place.changeOf(source):
            self.remarks.append(change)
        return node


class EnhanceJob(Job):
    """One volume of the scene into a new one, or into ``output``, with its ``residual`` or without."""

    stages = ENHANCING

    def __init__(self, source, output, settings: Settings, residual: bool = True) -> None:
        super().__init__()
        self.source, self.output, self.settings, self.residual = source, output, settings, residual
        self.model = str(settings.model)

    def request(self) -> enhancement.Request:
        self._export(self.source, self.path("input.nrrd"))
        return enhancement.Request(
            self.folder / "input.nrrd",
            self.folder / "output.mha",
            replace(self.settings, known=knownOf(self.source)),
            self.folder / "residual.mha" if self.residual else None,
            self.folder / "spread.mha" if self.settings.samples > 1 else None,
            interval=self.folder / "interval.mha" if self.settings.interval else None,
        )

    def collect(self, final: dict[str, Any]) -> list[Any]:
        name = resultName(self.source, self.model)
        result = self._imported(final["output"], self.output, name, self.source, final["provenance"])
        for key, role in Maps.ROLES.items():
            Maps.replace(result, self.source, role, _reader(final.get(key)))
        return [result]


class SimulateJob(Job):
    """A coarser scan made from a volume of the scene, as a new volume."""

    stages = ("reading", "simulation", "writing")

    def __init__(self, source, protocol: str, axis: int | None = None, seed: int = 0) -> None:
        super().__init__()
        self.source, self.protocol, self.axis, self.seed = source, protocol, axis, seed

    def request(self) -> simulation.Request:
        self._export(self.source, self.path("input.nrrd"))
        return simulation.Request(
            self.folder / "input.nrrd", self.folder / "output.mha", self.protocol, self.axis, self.seed
        )

    def collect(self, final: dict[str, Any]) -> list[Any]:
        made = {"protocol": self.protocol, "seed": self.seed}
        name = f"{self.source.GetName()} {self.protocol}"
        return [self._imported(final["output"], None, name, self.source, made)]


class BatchJob(Job):
    """Several volumes of the scene, each into a new one; one that fails does not stop the others."""

    stages = ENHANCING

    def __init__(self, sources: list, settings: Settings) -> None:
        super().__init__()
        self.sources, self.settings = sources, settings
        self.model, self.runs = str(settings.model), len(sources)
        self.states: dict[str, str] = {}

    def request(self) -> batch.Request:
        inputs = [self.path(f"input{index}.nrrd") for index in range(len(self.sources))]
        for source, path in zip(self.sources, inputs, strict=True):
            self._export(source, path)
        headers = tuple(map(headerOf, self.sources))
        outputs = tuple(map(Path, self._outputs()))
        settings = replace(self.settings, interval=False)  # there would be no map of it
        return batch.Request(tuple(map(Path, inputs)), outputs, settings, headers=headers)

    def _outputs(self) -> list[str]:
        return [self.path(f"output{index}.mha") for index in range(len(self.sources))]

    def note(self, event: dict[str, Any]) -> str:
        if event["event"] != "scan":
            return super().note(event)
        self.states[event["output"]] = event["state"]
        source = self.sources[self._outputs().index(event["output"])]
        return _scanNote(source.GetName(), event)

    def collect(self, _final: dict[str, Any]) -> list[Any]:
        pairs = zip(self.sources, self._outputs(), strict=True)
        return [
            self._imported(output, None, resultName(source, self.model), source, _sidecar(output))
            for source, output in pairs
            if self.states.get(output) == "enhanced"
        ]


class FolderJob(Job):
    """The scans of a folder into another folder; what is there already is skipped."""

    stages = ENHANCING

    def __init__(self, source: Path, output: Path, settings: Settings) -> None:
        super().__init__()
        self.source, self.output, self.settings = source, output, settings
        self.model, self.runs = str(settings.model), len(self.pairs())

    @property
    def packages(self) -> tuple[str, ...]:
        """Scans that SimpleITK does not read as they are need the library that does."""
        from mrisr.image.files import suffix_of

        kinds = {suffix_of(path) for pair in self.pairs() for path in pair}
        return (*super().packages, *(("nibabel",) if kinds & set(Dependencies.NIBABEL_KINDS) else ()))

    def request(self) -> batch.Request:
        pairs = self.pairs()
        settings = replace(self.settings, interval=False)
        return batch.Request(
            tuple(source for source, _ in pairs), tuple(output for _, output in pairs), settings
        )

    def pairs(self) -> list[tuple[Path, Path]]:
        return batch.pairs_in(self.source, self.output)

    def note(self, event: dict[str, Any]) -> str:
        if event["event"] != "scan":
            return super().note(event)
        return _scanNote(Path(event["input"]).name, event)

    def collect(self, _final: dict[str, Any]) -> list[Any]:
        return []


def resultName(source, model: str) -> str:
    """The default name of a result."""
    return f"{source.GetName()} SR {model}"


def _reader(path: str | None):
    """What puts a file into a node; None without one."""
    return None if path is None else lambda node: VolumeBridge.read(node, path)


def _sidecar(output: str) -> dict[str, Any]:
    return json.loads(Path(output).with_suffix(".json").read_text(encoding="utf-8"))


def _scanNote(name: str, event: dict[str, Any]) -> str:
    texts = {
        "enhanced": _("{name}: enhanced."),
        "skipped": _("{name}: skipped, the result is there already."),
        "failed": _("{name}: not enhanced. {reason}"),
    }
    return texts[event["state"]].format(name=name, reason=event.get("message", ""))
