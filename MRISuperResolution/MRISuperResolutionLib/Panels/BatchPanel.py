"""The Batch section: several volumes of the scene, or a folder."""

from pathlib import Path

from slicer.i18n import tr as _

from mrisr.pipeline.settings import Settings

from ..Jobs.Job import BatchJob, FolderJob
from ..Jobs.Settings import settingsOf
from ..Scene import Refusals
from .PanelState import PanelState


class BatchPanel:
    """``start`` is called with a function that makes the job, ``say`` with a sentence."""

    def __init__(self, ui, start, say) -> None:
        self._ui, self._start, self._say = ui, start, say
        self._state: PanelState | None = None
        ui.batchSelector.checkedNodesChanged.connect(self._update)
        for path in (ui.batchInputPath, ui.batchOutputPath):
            path.currentPathChanged.connect(self._update)
            path.validInputChanged.connect(self._update)  # the other one is silent about an emptied path
        ui.batchVolumesButton.clicked.connect(self._enhanceVolumes)
        ui.batchFolderButton.clicked.connect(self._enhanceFolder)

    def show(self, state: PanelState) -> None:
        self._state = state
        self._update()

    def _update(self, *_arguments) -> None:
        ready = self._state is not None and self._state.idle
        folders = self._ui.batchInputPath.currentPath and self._ui.batchOutputPath.currentPath
        self._ui.batchVolumesButton.enabled = ready and bool(self._ui.batchSelector.checkedNodes())
        self._ui.batchFolderButton.enabled = ready and bool(folders)

    @property
    def _settings(self) -> Settings:
        assert self._state is not None, "the buttons are enabled by show alone"
        return settingsOf(self._state.parameters)

    def _enhanceVolumes(self, *_arguments) -> None:
        nodes = list(self._ui.batchSelector.checkedNodes())
        # Slicer does not tell when the last checked volume is removed, so that the button may still be there.
        problem = (
            next(filter(None, map(Refusals.ofInput, nodes)), "") if nodes else _("Check at least one volume.")
        )
        if problem:
            self._say(problem)
            return
        self._start(lambda: BatchJob(nodes, self._settings))

    def _enhanceFolder(self, *_arguments) -> None:
        source, output = Path(self._ui.batchInputPath.currentPath), Path(self._ui.batchOutputPath.currentPath)
        problem = _folderProblem(source, output)
        if problem:
            self._say(problem)
            return
        self._start(lambda: FolderJob(source, output, self._settings))


def _folderProblem(source: Path, output: Path) -> str:
    from mrisr.image.files import find_scans

    if not source.is_dir():
        return _("There is no folder {folder}; choose another one.").format(folder=source)
    if source.resolve() == output.resolve():
        return _("The results need a folder of their own; choose another one.")
    if not find_scans(source):
        return _(
            "{folder} holds no scan that can be read; sub-folders are searched for DICOM series only. Choose another one."
        ).format(folder=source)
    return ""
