"""The panel: binds the widgets of the ``.ui`` file to the scene's settings and to the logic."""

import slicer
import vtk
from slicer.i18n import tr as _
from slicer.util import VTKObservationMixin

from mrisr.errors import MrisrError
from mrisr.pipeline.settings import Settings

from .Jobs.GuardRails import GuardRails
from .Jobs.Job import EnhanceJob, Job, resultName
from .Jobs.Plan import expectedSeconds
from .Jobs.Proposer import Proposer
from .Jobs.Settings import settingsOf
from .Logic import Logic
from .Panels.BatchPanel import BatchPanel
from .Panels.ComparePanel import ComparePanel
from .Panels.ExaminePanel import ExaminePanel
from .Panels.Form import addForm
from .Panels.InputPanel import InputPanel
from .Panels.ModelPanel import ModelPanel
from .Panels.RunPanel import RunPanel
from .Panels.SimulatePanel import SimulatePanel
from .Panels.TargetPanel import TargetPanel
from .Panels.TrustPanel import TrustPanel
from .Scene import Records, Refusals, Region
from .System.Dependencies import Dependencies, DependencyError
from .System.ModelStore import ModelStore
from .Views.CompareView import CompareView


class Widget(VTKObservationMixin):
    """Takes what it works with in its constructor, so that tests can hand it something else.

    :param getParameters: gives the scene's ``MRISuperResolutionParameterNode``, made if need be.
    """

    def __init__(self, ui, getParameters, logic: Logic, store: ModelStore, dependencies: Dependencies) -> None:
        super().__init__()
        self._ui, self._getParameters, self._logic = ui, getParameters, logic
        self._store, self._dependencies = store, dependencies
        self._parameters, self._guiTag, self._shownInput = None, None, None
        self._unseen = None  # the result of a run that ended while another module was shown
        self._updating, self._entered, self._proposed = False, False, ""
        addForm(ui, "Trust", ui.trustPlaceholder)
        addForm(ui, "Examine", ui.examinePlaceholder)
        self._input = InputPanel(ui)
        self._model = ModelPanel(ui, store, self._modelPicked)
        self._target = TargetPanel(ui, self._update)
        self._proposer = Proposer(store)
        self._run = RunPanel(ui, self._finished, self._update)
        self._compare = ComparePanel(ui, CompareView(), self._run.say)
        self._simulate = SimulatePanel(ui, self._start)
        self._rails = GuardRails(ui)
        self._trust = TrustPanel(ui, self._compare.toggle)
        self._batch = BatchPanel(ui, self._start, self._settings, self._run.say)
        self._examine = ExaminePanel(
            ui, store, start=self._start, cancel=logic.cancel, idle=self._update, pick=self._modelPicked)
        self._connect()

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
        self._logic.abort()
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
        self._parameters, self._shownInput = parameters, None
        self._target.forget()
        self._proposer.forget()
        self._rails.forget()
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
            self._shownInput = self._parameters.inputVolume
            self._input.show(self._shownInput)

    def _update(self, *_arguments) -> None:
        """Bring the panel up to date with the settings. Changes made on the way do not start another round."""
        if self._parameters is None or self._updating:
            return
        self._updating = True
        try:
            self._showInput()
            self._showModelAndTarget()
            self._showOutput()
            self._showReadiness()
            self._rails.show(self._parameters, self._input.scan, self._model.card, self._target.statement)
            self._compare.show(self._parameters)
            self._trust.show(self._parameters)
        finally:
            self._updating = False

    def _showInput(self) -> None:
        node = self._parameters.inputVolume
        if node is self._shownInput and node is not None:
            return
        self._shownInput = node
        self._input.show(node)
        if self._input.scan is not None:
            self._target.suggest(self._parameters, self._input.scan)

    def _showModelAndTarget(self) -> None:
        """The target first: what it asks for decides which models suit. A model that is not the proposed one was picked, and stays."""
        parameters = self._parameters
        self._target.show(parameters, self._input.scan, None)
        proposal = self._proposer.propose(parameters, self._target.plan)
        picked = parameters.model in self._store.names() and parameters.model != parameters.proposedModel
        if proposal is not None and not picked:
            parameters.model = parameters.proposedModel = proposal.model
        self._proposed = proposal.model if proposal is not None else ""
        self._model.show(proposal, parameters.model, parameters.showAllModels, parameters.samples)
        self._target.show(parameters, self._input.scan, self._model.card)
        self._model.tell(self._target.plan, proposal)

    def _showOutput(self) -> None:
        source = self._parameters.inputVolume
        name = resultName(source, self._parameters.model) if source is not None else ""
        # The name of a new volume stands in the tool tip: the selection jumps to a volume where the words for "none" are changed.
        self._ui.outputSelector.toolTip = _("A new volume is called “{name}”.").format(name=name) if name else ""

    def _showReadiness(self) -> None:
        refusal = self._refusal()
        idle = not self._logic.running
        self._ui.applyButton.enabled = idle and not refusal
        self._simulate.show(self._parameters.inputVolume, self._input.scan, idle)
        self._batch.show(idle)
        self._examine.show(self._parameters, self._target.plan, idle)
        if idle and (refusal or not self._ui.statusLabel.text or self._ui.statusLabel.property("refusal")):
            self._ui.statusLabel.setProperty("refusal", bool(refusal))
            self._run.say(refusal)

    def _refusal(self) -> str:
        source, output = self._parameters.inputVolume, self._parameters.outputVolume
        return (self._input.refusal or self._target.refusal or Refusals.ofOutput(output, source)
                or ("" if self._model.card is not None else self._store.problem))

    def _settings(self) -> Settings:
        return settingsOf(self._parameters)

    def _apply(self, *_arguments) -> None:
        self._update()
        if self._parameters is not None and not self._refusal():
            settings = settingsOf(self._parameters, self._target.region)
            source, output = self._parameters.inputVolume, self._parameters.outputVolume
            self._start(lambda: EnhanceJob(source, output, settings), expected=self._expected())

    def _expected(self) -> float | None:
        """Seconds that a run of the chosen model on the chosen target will take."""
        megavoxels = self._parameters.samples * self._target.plan.megavoxels
        return expectedSeconds(self._model.card, megavoxels, self._parameters.device.value)

    def _start(self, makeJob, run=None, expected: float | None = None) -> None:
        """Start a run, unless one is going on or a package is missing; ``run`` listens, or the Run section."""
        if self._logic.running:
            return
        with slicer.util.tryWithErrorDisplay(_("The computation could not be started."), waitCursor=True):
            run = run or self._run
            job = self._prepared(makeJob, run)
            if job is not None:
                run.begin(job, expected)
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
            if name == self._proposed:
                self._parameters.proposedModel = name
            self._parameters.model = name

    def _regionAdded(self, roi) -> None:
        if self._parameters is not None and self._parameters.inputVolume is not None:
            Region.fitTo(roi, self._parameters.inputVolume)
            roi.CreateDefaultDisplayNodes()
            self._update()

    def _sceneStartsClosing(self, *_arguments) -> None:
        self._logic.abort()
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


def notStarted(error: OSError) -> str:
    """Why a run could not even begin: its files have no room, or Slicer's Python is not there, which says itself what to do."""
    if isinstance(error, FileNotFoundError):
        return _("The computation could not be started. {error}").format(error=error)
    return _("The computation could not be started ({error}). Make room on the disk, or choose another folder for temporary files in "
             "Slicer's settings.").format(error=error)
