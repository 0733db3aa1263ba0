"""The panel: binds the widgets of the ``.ui`` file to the scene's settings and to the logic."""

from typing import Any

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from mrisr.errors import MrisrError
from mrisr.pipeline.duration import Demand

from .Jobs.Job import EnhanceJob, Job
from .Jobs.Plan import expectedSeconds
from .Jobs.Settings import settingsOf
from .Logic import Logic
from .Panels.BatchPanel import BatchPanel
from .Panels.ComparePanel import ComparePanel
from .Panels.Decisions import Decisions
from .Panels.ExaminePanel import ExaminePanel
from .Panels.Form import addForm
from .Panels.FusePanel import FusePanel
from .Panels.GuardRailsPanel import GuardRailsPanel
from .Panels.InputPanel import InputPanel
from .Panels.ModelPanel import ModelPanel
from .Panels.OutputPanel import OutputPanel
from .Panels.Panel import Panel
from .Panels.PanelState import PanelState
from .Panels.RunPanel import RunPanel
from .Panels.SimulatePanel import SimulatePanel
from .Panels.TargetPanel import TargetPanel
from .Panels.TrustPanel import TrustPanel
from .Panels.WorkerPanel import WorkerPanel
from .Scene import Records, Region
from .System import JobFolder
from .System.Dependencies import Dependencies, DependencyError
from .System.ModelStore import ModelStore
from .Views.CompareView import CompareView


class Widget(VTKObservationMixin):
    """Takes what it works with in its constructor, so that tests can hand it something else.

    :param getParameters: gives the scene's ``MRISuperResolutionParameterNode``, made if need be.
    """

    def __init__(
        self, ui, getParameters, logic: Logic, store: ModelStore, dependencies: Dependencies
    ) -> None:
        super().__init__()
        self._ui, self._getParameters, self._logic = ui, getParameters, logic
        self._store, self._dependencies = store, dependencies
        self._parameters: Any = None
        self._guiTag: Any = None
        self._decisions = Decisions(store)
        self._state: PanelState | None = None
        self._unseen: Any = None  # the result of a run that ended while another module was shown
        self._updating, self._entered = False, False
        JobFolder.removeLeft(slicer.app.temporaryPath)
        addForm(ui, "Trust", ui.trustPlaceholder)
        addForm(ui, "Examine", ui.examinePlaceholder)
        self._panels = self._makePanels()
        self._connect()

    def _makePanels(self) -> list[Panel]:
        """In the order in which they are brought up to date. Those that the widget has more to say to have names."""
        ui, store = self._ui, self._store
        self._target, self._rails = TargetPanel(ui, self._update), GuardRailsPanel(ui)
        self._run = RunPanel(ui, self._finished, self._update)
        self._worker = WorkerPanel(ui, self._logic.runner.worker, self._run.say)
        self._compare = ComparePanel(ui, CompareView(), self._run.say)
        self._trust = TrustPanel(ui, self._compare.toggle)
        self._examine = ExaminePanel(
            ui, store, start=self._start, cancel=self._logic.cancel, idle=self._update, pick=self._modelPicked
        )
        return [
            InputPanel(ui),
            ModelPanel(ui, store, self._modelPicked),
            self._target,
            OutputPanel(ui),
            SimulatePanel(ui, self._start),
            BatchPanel(ui, self._start, self._run.say),
            FusePanel(ui, self._start, self._run.say),
            self._examine,
            self._worker,
            self._run,
            self._rails,
            self._compare,
            self._trust,
        ]

    def enter(self) -> None:
        """The module is shown: take up the scene's settings. Once more does no harm."""
        self._entered = True
        if self._parameters is None:
            self._setParameters(self._getParameters())
        elif self._parameters.inputVolume is None:
            self._chooseFirstVolume()
        if self._unseen is not None:
            self._offer(self._unseen)

    def exit(self) -> None:
        """Another module is shown. A run goes on."""
        self._entered = False
        self._setParameters(None)

    def cleanup(self) -> None:
        """The module is unloaded, or Slicer ends."""
        self._logic.close()
        self._compare.restore()
        self._setParameters(None)
        self._examine.forget()
        self.removeObservers()

    def _connect(self) -> None:
        self._ui.applyButton.clicked.connect(self._apply)
        self._ui.cancelButton.clicked.connect(self._cancel)
        self._ui.regionSelector.nodeAddedByUser.connect(self._regionAdded)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.StartCloseEvent, self._sceneStartsClosing)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndCloseEvent, self._sceneChanged)
        self.addObserver(slicer.mrmlScene, slicer.mrmlScene.EndImportEvent, self._sceneChanged)

    def _setParameters(self, parameters) -> None:
        if self._parameters is not None:
            self._parameters.disconnectGui(self._guiTag)
            self.removeObserver(self._parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self._update)
        self._parameters, self._state = parameters, None
        self._target.forget()
        self._decisions.forget()
        self._rails.forget()
        self._worker.forget()
        self._trust.forget()
        if parameters is not None:
            self._guiTag = parameters.connectParametersToGui(self._widgetsByParameter())
            self.addObserver(parameters.parameterNode, vtk.vtkCommand.ModifiedEvent, self._update)
            self._chooseFirstVolume()
            self._update()

    def _widgetsByParameter(self) -> dict:
        """The widgets that the ``.ui`` files bind to a setting: of all forms, while Slicer's ``connectGui`` looks at one."""
        pairs = [(widget.property("SlicerParameterName"), widget) for widget in vars(self._ui).values()]
        return {name: widget for name, widget in pairs if name}

    def _chooseFirstVolume(self) -> None:
        """Save a click: the scene's first volume is proposed. A volume chosen before keeps its target."""
        if self._parameters.inputVolume is None:
            self._parameters.inputVolume = slicer.mrmlScene.GetFirstNodeByClass("vtkMRMLScalarVolumeNode")
        else:
            self._decisions.look(self._parameters.inputVolume)

    def _update(self, *_arguments) -> None:
        """Bring the panel up to date with the settings. Changes made on the way do not start another round."""
        if self._parameters is None or self._updating:
            return
        self._updating = True
        try:
            self._state = self._decisions.state(self._parameters, idle=not self._logic.running)
            for panel in self._panels:
                panel.show(self._state)
        finally:
            self._updating = False

    def _apply(self, *_arguments) -> None:
        self._update()
        state = self._state
        if state is not None and not state.refusal:
            settings = settingsOf(state.parameters, state.region)
            source, output = state.parameters.inputVolume, state.parameters.outputVolume
            self._start(lambda: EnhanceJob(source, output, settings), expected=_expectedSeconds(state))

    def _start(self, makeJob, run=None, expected: float | None = None) -> None:
        """Start a run, unless one is going on or a package is missing; ``run`` listens, or the Run section."""
        if self._logic.running:
            return
        with slicer.util.tryWithErrorDisplay(_("The computation could not be started."), waitCursor=True):
            run = run or self._run
            job = self._prepared(makeJob, run)
            if job is not None:
                run.begin(job, expected, self._logic.runner.worker.ready)
                self._launch(job, run)

    def _prepared(self, makeJob, run) -> Job | None:
        try:
            job = makeJob()
        except MrisrError as error:
            run.failed(str(error))
            return None
        except OSError as error:
            run.failed(notStarted(error))
            return None
        try:
            self._dependencies.ensure(job.packages)
        except DependencyError as error:
            job.close()
            run.failed(str(error))
            return None
        return job

    def _launch(self, job: Job, run) -> None:
        try:
            self._logic.start(job, run)
        except OSError as error:
            run.failed(notStarted(error))
        self._update()

    def _cancel(self, *_arguments) -> None:
        self._run.stopping()
        self._logic.cancel()

    def _finished(self, nodes: list) -> None:
        """A single result is put forward, at once or when the module is shown again."""
        if len(nodes) == 1:
            self._unseen = nodes[0]
            if self._parameters is not None:
                self._offer(self._unseen)

    def _offer(self, result) -> None:
        """Show a fresh result, and put it forward beside the scan that it was made from."""
        self._unseen = None
        if result.GetScene() is None:
            return
        scan = Records.scanOf(result)
        slicer.util.setSliceViewerLayers(background=result, fit=False)
        self._compare.offer(scan, result)
        self._examine.offer(scan, result)
        self._trust.offer(result)

    def _modelPicked(self, name: str) -> None:
        """Who picks what is proposed goes on with the proposals."""
        if self._parameters is not None:
            proposal = self._state.proposal if self._state is not None else None
            if proposal is not None and name == proposal.model:
                self._parameters.proposedModel = name
            self._parameters.model = name

    def _regionAdded(self, roi) -> None:
        if self._parameters is not None and self._parameters.inputVolume is not None:
            Region.fitTo(roi, self._parameters.inputVolume)
            roi.CreateDefaultDisplayNodes()
            self._update()

    def _sceneStartsClosing(self, *_arguments) -> None:
        self._logic.close()
        self._compare.forget()
        self._examine.forget()
        self._trust.clear()
        self._unseen = None
        self._setParameters(None)

    def _sceneChanged(self, *_arguments) -> None:
        """A scene was closed or loaded: take up its settings, which may be those of a scene file."""
        if self._entered:
            self._setParameters(None)
            self.enter()


def _expectedSeconds(state: PanelState) -> float | None:
    """How long a run of the chosen model on the chosen target will take; not known without one of them."""
    parameters = state.parameters
    if state.card is None or state.plan is None or state.plan.engine is None:
        return None
    demand = Demand.of(state.plan.engine, parameters.samples)
    return expectedSeconds(state.card, demand, parameters.device.value, parameters.precision.value)


def notStarted(error: OSError) -> str:
    """Why a run could not even begin: its files have no room, or Slicer's Python is not there, which says itself what to do."""
    if isinstance(error, FileNotFoundError):
        return _("The computation could not be started. {error}").format(error=error)
    return _(
        "The computation could not be started ({error}). Make room on the disk, or choose another folder for temporary files in "
        "Slicer's settings."
    ).format(error=error)
