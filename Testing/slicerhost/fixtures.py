"""pytest fixtures: the running stand-in, an empty scene, and the module's panel with hands to click and eyes to look."""

import logging
import sys
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from . import start
from .features import speakPythonQt

ROOT = Path(__file__).resolve().parent.parent.parent
MODULE = ROOT / "MRISuperResolution" / "MRISuperResolution.py"
SCREENSHOTS = ROOT / "out" / "screenshots"
TIMEOUT_S = 120

TURNS = 5
"""So often are events heeded before a picture: a change of height travels from section to section."""

NOT_SHIPPED = (
    "torch",
    "nibabel",
    "monai",
    "skimage",
    "matplotlib",
    "psutil",
    "jsonschema",
    "tqdm",
    "safetensors",
)
"""Packages that no Slicer has before a module asks for them."""


@pytest.fixture(scope="session")
def _host():
    host = start()
    host.stopAtExit()
    if host.module is None:
        with collectedErrors() as errors:
            host.module = host.loadModule(MODULE)
        assert not errors, "\n".join(errors)
    return host


@pytest.fixture
def host(_host, request):
    """The stand-in; the test's own module speaks PythonQt from here on, as everything else in the process does."""
    speakPythonQt(request.module.__name__)
    return _host


@pytest.fixture
def steadyEnvironment(host, monkeypatch) -> None:
    """A worker is replaced when the environment changes, which pytest does all the time."""
    from MRISuperResolutionLib.System import WarmWorker

    environment = WarmWorker.environment
    monkeypatch.setattr(
        WarmWorker,
        "environment",
        lambda: {name: value for name, value in environment().items() if name != "PYTEST_CURRENT_TEST"},
    )


@pytest.fixture
def scene(host) -> Iterator:
    """The MRML scene, empty before and after."""
    import slicer

    slicer.mrmlScene.Clear(0)
    slicer.app.layoutManager().setLayout(slicer.vtkMRMLLayoutNode.SlicerLayoutFourUpView)
    yield slicer.mrmlScene
    slicer.mrmlScene.Clear(0)


@pytest.fixture
def noErrorsInSlots() -> Iterator[None]:
    """Qt prints what goes wrong in a slot and goes on; a test must not."""
    with collectedErrors() as errors:
        yield
    assert not errors, "\n".join(errors)


@contextmanager
def collectedErrors() -> Iterator[list[str]]:
    """The tracebacks that are printed meanwhile."""
    errors: list[str] = []
    before, sys.excepthook = (
        sys.excepthook,
        lambda *error: errors.append("".join(traceback.format_exception(*error))),
    )
    try:
        yield errors
    finally:
        sys.excepthook = before


@pytest.fixture
def console(capfd, caplog, noErrorsInSlots) -> Iterator[None]:
    """Slicer's Python console: whatever goes to standard error, and what is logged as a warning or worse; no traceback may reach it."""
    caplog.set_level(logging.WARNING)
    yield
    told = heard(capfd, caplog)
    assert "Traceback" not in told, told


def heard(capfd, caplog) -> str:
    """What has reached the console since it was last asked."""
    return capfd.readouterr().err + caplog.text


@pytest.fixture
def bareSlicer(monkeypatch) -> None:
    """Python as Slicer ships it: none of the packages that the module may ask for can be imported."""
    from importlib.abc import MetaPathFinder

    class Missing(MetaPathFinder):
        def find_spec(self, name, path=None, target=None):
            if name.partition(".")[0] in NOT_SHIPPED:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    for name in [name for name in sys.modules if name.partition(".")[0] in NOT_SHIPPED]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Missing(), *sys.meta_path])


@pytest.fixture
def panel(host, scene, steadyEnvironment, noErrorsInSlots) -> Iterator["Panel"]:
    """The module, open on an empty scene."""
    parent = host.module.widgetRepresentation()
    parent.show()
    parent.enter()
    panel = Panel(host.module)
    yield panel
    panel.core.abort()
    host.module.discard()


class Panel:
    """The module's panel as a user has it."""

    @classmethod
    def opened(cls, host):
        """The panel of a host that has just started, for programs that are no tests."""
        host.module = host.loadModule(MODULE)
        parent = host.module.widgetRepresentation()
        parent.show()
        parent.enter()
        return cls(host.module)

    def __init__(self, module) -> None:
        self.module = module
        self.saved: list[Path] = []

    @property
    def parent(self):
        return self.module.widgetRepresentation()

    @property
    def ui(self):
        return self.parent.widget.ui

    @property
    def core(self):
        return self.parent.widget.logic.core

    @property
    def parameters(self):
        return self.parent.widget.panel._parameters

    @property
    def status(self) -> str:
        return self.ui.statusLabel.text

    @property
    def temporaryFiles(self) -> list[str]:
        import slicer

        return [path.name for path in Path(slicer.app.temporaryPath).iterdir()]

    def click(self, name: str) -> None:
        """Press a button as a finger would: a hidden or disabled one does not answer."""
        button = getattr(self.ui, name)
        if button.isVisibleTo(self.parent) and button.enabled:
            button.click()
        self.events()

    def choose(self, node, model: str = "cubic") -> None:
        """Choose an input, and a model that every catalog has and every machine runs."""
        self.ui.inputSelector.setCurrentNode(node)
        self.parameters.model = model
        self.events()

    def pick(self, model: str) -> None:
        self.ui.showAllCheckBox.checked = True
        self.events()
        label = self.parent.widget.panel._store.card(model).label
        rows = [self.ui.modelTree.topLevelItem(row) for row in range(self.ui.modelTree.topLevelItemCount)]
        self.ui.modelTree.setCurrentItem(next(item for item in rows if item.text(0) == label))
        self.events()

    def events(self) -> None:
        import slicer

        slicer.app.processEvents()

    def waitUntil(self, condition, what: str = "the condition") -> None:
        deadline = time.monotonic() + TIMEOUT_S
        while not condition():
            assert time.monotonic() < deadline, f"waited in vain for {what}; status: {self.status}"
            self.events()
            time.sleep(0.01)

    def finish(self) -> None:
        self.waitUntil(lambda: not self.core.running, "the run to end")
        self.events()

    def laptopShot(self, name: str) -> None:
        from . import screenshot

        self.saved.append(screenshot.saveLaptop(self.parent, SCREENSHOTS / f"{name}.png"))

    def shot(self, name: str, width: int = 480) -> None:
        from . import screenshot

        for _turn in range(TURNS):
            self.events()
        self.saved.append(screenshot.save(self.parent, SCREENSHOTS / f"{name}.png", width))
