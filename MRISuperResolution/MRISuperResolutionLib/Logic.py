"""The module's work, done by the worker: ``process`` waits for it, for scripts; ``start`` does not, for the panel."""

import logging
import time
from contextlib import closing
from dataclasses import replace
from typing import Any

from slicer.i18n import tr as _

from mrisr import errors
from mrisr.fusion.settings import FusionSettings
from mrisr.models import catalog
from mrisr.progress import Monitor
from mrisr.trust.spread_verdict import HIGH, SpreadVerdict, judge_spread

from .Jobs.FuseJob import FuseJob
from .Jobs.Job import EnhanceJob, Job
from .Jobs.Runner import Runner
from .Scene import Maps, Marked, Records, Refusals, VolumeBridge
from .Scene.ScanHeader import knownOf
from .System import Machine
from .System.Dependencies import Dependencies, packagesFor
from .System.Events import RunListener


class Logic:
    """``process`` returns the result; ``start`` returns at once and tells a listener. One process computes for both.

    Example::

        logic = MRISuperResolutionLogic()
        result = logic.process(slicer.util.getNode("MRHead"), model="cubic", isotropic=True)
    """

    def __init__(self, runner: Runner | None = None, dependencies: Dependencies | None = None) -> None:
        self.runner, self._dependencies = runner or Runner(), dependencies or Dependencies()
        self._run: _Run | None = None

    @property
    def running(self) -> bool:
        return self._run is not None

    def process(
        self,
        inputVolume,
        outputVolume=None,
        model: str = "cubic",
        *,
        factor=None,
        spacing=None,
        isotropic: bool = False,
        monitor=None,
        **settings: Any,
    ):
        """Enhance a volume and return the result's node.

        :param inputVolume: scalar volume node; it is not changed.
        :param outputVolume: node to put the result into; a new one by default.
        :param model: a name that ``mrisr models`` lists; ``auto`` takes the best one for the scan, and ``provenance(node)["model_reason"]``
            says why.
        :param factor: how many times finer, one number or three.
        :param spacing: voxel size in mm, one number or three.
        :param isotropic: the finest spacing on all axes. Without any of these three, a thick-slice scan is made isotropic
            and an isotropic one twice as fine.
        :param monitor: ``mrisr.progress.Monitor`` that is told of progress and asked for cancellation.
        :param settings: the other fields of ``mrisr.pipeline.settings.Settings``: acquisition (such as ``"slices:3"``, see
            ``mrisr.physics.stated``), consistency, detail, region, device, precision, tile, seed; ``residual=True`` keeps the
            residual as a volume, ``samples=8`` the spread of eight runs, ``interval=True`` how far the truth may lie from the result.
        :returns: the node. ``provenance`` tells how it was made, ``trust`` how far to believe it.
        :raises ValueError: the volumes cannot be used; the message says why.
        :raises DependencyError: the model needs packages that are not there and were not installed.
        :raises mrisr.errors.MrisrError: the engine refuses the scan or a setting.
        """
        from mrisr.pipeline.enhancement import chosen
        from mrisr.pipeline.settings import Settings

        problem = Refusals.ofInput(inputVolume) or Refusals.ofOutput(outputVolume, inputVolume)
        if problem:
            raise ValueError(problem)
        monitor = monitor or Monitor()
        settings = {"known": knownOf(inputVolume), **settings}
        asked, reason = chosen(
            VolumeBridge.scanFromNode(inputVolume),
            Settings(model=model, target=targetFor(factor, spacing, isotropic), **settings),
            monitor,
        )
        card = catalog.find(asked.model)
        self._dependencies.ensure(packagesFor([card]))
        known = card.name if asked.model == card.name else str(card.folder.resolve())
        job = EnhanceJob(inputVolume, outputVolume, replace(asked, model=known), residual=asked.residual)
        job.model = card.name
        with closing(job):
            (node,) = job.collect(self._done(job, monitor, {"model_reason": reason} if reason else {}))
        return node

    def fuse(self, volumes, outputVolume=None, *, spacing=None, monitor=None, **settings: Any):
        """Fuse thick scans of one subject, in two or more directions, into one volume and return its node.

        :param volumes: scalar volume nodes; the first is the reference, whose place, axes and units the result has.
        :param outputVolume: node to put the result into; a new one by default.
        :param spacing: voxel size in mm, one number or three; the finest of all scans by default.
        :param monitor: see ``process``.
        :param settings: the other fields of ``mrisr.fusion.settings.FusionSettings``: acquisition, model, register, motion, field,
            cross_contrast, device.
        :returns: the node. ``provenance(node)["inputs"]`` says of each scan where it lies, and how well the result agrees with it; the
            coverage map and a transform for each scan but the first are nodes beside it.
        :raises ValueError: as ``process``, which see for the other errors as well.
        """
        asked = FusionSettings(target=targetFor(None, spacing, False), **settings)
        job = FuseJob(list(volumes), outputVolume, asked)
        with closing(job):
            self._dependencies.ensure(job.packages)
            (node,) = job.collect(self._done(job, monitor or Monitor(), {}))
        return node

    def _done(self, job: Job, monitor, remarks: dict[str, Any]) -> dict[str, Any]:
        """Wait for a job; the worker's last word, with remarks in its provenance."""
        call = _Call(monitor)
        Runner(self.runner.worker).run(job.write(), call, call.isCancelled)
        final = call.final
        if final["event"] == "cancelled":
            raise errors.Cancelled(_("Stopped as asked; nothing was added to the scene."))
        if final["event"] == "failed":
            kind = getattr(errors, final["kind"], RuntimeError)
            raise kind("\n".join([final["message"], *final.get("log", [])]))
        return {**final, "provenance": {**final["provenance"], **remarks}}

    @staticmethod
    def provenance(node) -> dict[str, Any]:
        """How a volume was made; empty for one that was not made here. The keys are those of the ``.json`` that ``mrisr enhance``
        writes (``model``, ``model_reason``, ``acquisition``, ``seed``, ``software``, ``trust``, …), and ``inputNode`` and ``inputName``,
        the ID and the name of the scan's node. A scan made by *Simulate* has ``protocol`` and ``seed``.
        """
        return Records.provenanceOf(node)

    @staticmethod
    def trust(result) -> Maps.Trust | None:
        """How far a result can be believed; None for a volume that was not made here. It holds:

        - ``verdict``: color, sentence, ratio, worst, worst_ras, noise, … as in ``mrisr.trust.verdict.Verdict``;
        - ``worst``: where it differs most from the scan, in world coordinates;
        - ``residual``, ``spread`` and ``interval``: volume nodes, or None where the run made none.
        """
        return Maps.Trust.of(result)

    @staticmethod
    def spreadIn(result, region, segment: str = "", high: float = HIGH) -> SpreadVerdict:
        """Whether the spread of a result is high inside a region; see ``mrisr.trust.spread_verdict``.

        :param region: Markups ROI or segmentation node.
        :param segment: name or ID of the segment; the first one by default.
        :param high: what is called high, as a fraction of the scan's brightness.
        :raises ValueError: the result has no spread map, or the segmentation no such segment.
        """
        trust = Maps.Trust.of(result)
        if trust is None or trust.spread is None:
            raise ValueError(_("The result has no spread map; process the scan with samples=2 or more."))
        values = Marked.valuesIn(region, Marked.segmentNamed(region, segment), trust.spread)
        return judge_spread(values, trust.brightness, high=high, usual=Marked.usualShare(trust, high))

    def start(self, job: Job, listener: RunListener) -> None:
        """Hand a job to a worker. The job is closed when the run ends, however it ends."""
        if self.running:
            job.close()
            raise RuntimeError(_("A run is in progress; wait for it or cancel it."))
        try:
            run = _Run(job, listener, self._ended)
            self.runner.start(job.write(), run)
        except Exception:
            job.close()
            raise
        self._run = run

    def cancel(self) -> None:
        """Ask the worker to stop; its process tree is killed if it has not within a second."""
        self.runner.cancel()

    def close(self) -> None:
        """End the worker at once, whether it computes or waits: the scene, the module or Slicer closes, or memory is wanted."""
        self.abort()
        if not self.runner.worker.busy:
            self.runner.worker.end()

    def abort(self) -> None:
        """End a run at once, and the worker with it."""
        run = self._run
        if run is not None:
            try:
                self.runner.abort()
            finally:
                run.onEnd({"event": "cancelled"})

    def _ended(self) -> None:
        self._run = None


class _Run:
    """One job on its way: turns the runner's events into the listener's calls."""

    def __init__(self, job: Job, listener: RunListener, ended) -> None:
        self.job, self.listener, self._ended = job, listener, ended
        self.begun = time.monotonic()
        self.device = ""

    def onEvent(self, event: dict[str, Any]) -> None:
        if event["event"] == "started":
            self.device = event["device"]
            self.listener.started(event.get("device_name") or self.device)
        elif event["event"] == "progress":
            self.listener.progressed(event["stage"], event["done"], event["total"])
        elif note := self.job.note(event):
            self.listener.logged(note)

    def onLine(self, line: str) -> None:
        self.listener.logged(line)

    def onEnd(self, final: dict[str, Any]) -> None:
        try:
            tell = self._told(final)
        finally:
            self.job.close()
            self._ended()
        tell()

    def _told(self, final: dict[str, Any]):
        """Bring the results home; the listener's last call, to be made when everything is cleared away."""
        if final["event"] == "cancelled":
            return self.listener.cancelled
        if final["event"] == "failed":
            return lambda: self.listener.failed(final["message"])
        try:
            nodes = self.job.collect(final)
            for remark in self.job.remarks:
                self.listener.logged(remark)
            self._remember(final, nodes)
        except OSError:
            return lambda: self.listener.failed(
                _("The result could not be read; check the free space on the disk.")
            )
        except Exception as error:
            logging.exception("The result could not be put into the scene")
            message = _(
                "The result could not be put into the scene ({error}). Start it again; if that does not help, report "
                "what the Slicer log says."
            ).format(error=str(error) or type(error).__name__)
            return lambda: self.listener.failed(message)
        seconds = time.monotonic() - self.begun
        return lambda: self.listener.finished(nodes, {"seconds": seconds, **final.get("provenance", {})})

    def _remember(self, final: dict[str, Any], nodes: list[Any]) -> None:
        provenance = final.get("provenance") or {}
        if nodes and "seconds" in provenance:
            megavoxels = (
                sum(node.GetImageData().GetNumberOfPoints() for node in nodes)
                * provenance.get("samples", 1)
                / 1e6
            )
            requested = self.job.settings.device
            Machine.remember(self.job.model, requested, self.device, provenance["seconds"], megavoxels)


class _Call:
    """One job that somebody waits for: turns the runner's events into the calls of a ``mrisr.progress.Monitor``."""

    def __init__(self, monitor) -> None:
        self._monitor = monitor
        self.final: dict[str, Any] = {}

    def isCancelled(self) -> bool:
        try:
            self._monitor.cancel.check()
        except errors.Cancelled:
            return True
        return False

    def onEvent(self, event: dict[str, Any]) -> None:
        if event["event"] == "progress":
            self._monitor.progress(event["stage"], event["done"], event["total"])
        elif event["event"] == "log":
            self._monitor.log(event["message"])

    def onLine(self, line: str) -> None:
        logging.info(line)

    def onEnd(self, final: dict[str, Any]) -> None:
        self.final = final


def targetFor(factor, spacing, isotropic: bool):
    """The engine's target for what a script asks for; None for the engine's own choice."""
    from mrisr.image.grid import Target

    if sum((factor is not None, spacing is not None, isotropic)) > 1:
        raise ValueError(_("Give one of factor, spacing and isotropic, not several."))
    if factor is not None:
        return Target.factor(factor)
    if spacing is not None:
        return Target.spacing(spacing)
    return Target.isotropic() if isotropic else None
