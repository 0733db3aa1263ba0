"""What a user sees and reaches by keyboard, at the usual sizes of text."""

import os
import subprocess
import sys
from pathlib import Path
from time import sleep
from xml.etree import ElementTree as ET

import pytest

from gui.scans import head

ROOT = Path(__file__).resolve().parents[2]
FORMS = [ET.parse(path).getroot() for path in sorted((ROOT / "MRISuperResolution/Resources/UI").glob("*.ui"))]
everyForm = pytest.mark.parametrize("form", FORMS, ids=lambda form: form.findtext("class"))
ACTIVE = (
    "QPushButton",
    "QComboBox",
    "QSpinBox",
    "QDoubleSpinBox",
    "QTreeWidget",
    "qMRMLNodeComboBox",
    "qMRMLCheckableNodeComboBox",
    "ctkSliderWidget",
    "ctkPathLineEdit",
)

CLIPPED = """
from slicerhost import start
from slicerhost.features import speakPythonQt
from slicerhost.fixtures import MODULE, Panel
from pathlib import Path
speakPythonQt("__main__", "gui.appearance")
host = start()
host.module = host.loadModule(MODULE)
parent = host.module.widgetRepresentation()
parent.show(); parent.enter()
panel = Panel(host.module)
from gui.scans import head
from gui.appearance import clipped
panel.choose(head())
panel.ui.targetModeComboBox.currentIndex = 1
for name in ("advancedSection", "logSection", "trustSection", "simulateSection", "batchSection"):
    getattr(panel.ui, name).collapsed = False
panel.shot("30-scale-{percent}")
print("CLIPPED", clipped(parent))
host.stop()
"""


def widgets(form: ET.Element, *classes: str) -> list[ET.Element]:
    return [widget for widget in form.iter("widget") if widget.get("class") in classes]


def text(widget: ET.Element, name: str) -> str:
    found = widget.find(f"property[@name='{name}']/string")
    return "" if found is None else found.text or ""


@everyForm
def testEverythingThatCanBeUsedHasAToolTip(form):
    assert [widget.get("name") for widget in widgets(form, *ACTIVE) if not text(widget, "toolTip")] == []


@everyForm
def testKeyboardGoesFromTopToBottom(form):
    stops = [stop.text for stop in form.find("tabstops")]
    order = [widget.get("name") for widget in form.iter("widget") if widget.get("name") in stops]
    assert stops == order
    assert {widget.get("name") for widget in widgets(form, *ACTIVE)} <= set(stops)


@everyForm
def testEveryNodeSelectorGetsTheScene(form):
    connected = {connection.findtext("receiver") for connection in form.find("connections")}
    assert connected == {
        widget.get("name") for widget in form.iter("widget") if "NodeComboBox" in widget.get("class")
    }


def testNoNameStandsTwiceInThePanel():
    names = [widget.get("name") for form in FORMS for widget in form.iter("widget")]
    assert sorted(names) == sorted(set(names))


def testEveryBoundWidgetNamesAParameter(host):
    from MRISuperResolutionLib.Scene.ParameterNode import MRISuperResolutionParameterNode as Node

    bound = {text(widget, "SlicerParameterName") for form in FORMS for widget in form.iter("widget")} - {""}
    assert bound | {"model", "proposedModel"} == set(Node.allParameters)


def testResearchNoticeStandsOnce(panel):
    panel.choose(head())
    notice = "Research use only. Enhanced detail is estimated, not measured."
    labels = [label.text for label in panel.parent.findChildren(__import__("qt").QLabel)]
    assert labels.count(notice) == 1
    assert panel.ui.disclaimerLabel.isVisibleTo(panel.parent)


LAPTOP = (450, 450)
"""What a window of 1366 × 768 leaves for the panel beside the views, below the tool bars and above the data probe."""


def reachOf(panel, *names: str) -> int:
    """How far down the named widgets reach in the panel at a laptop's width."""
    import qt

    panel.parent.resize(LAPTOP[0], panel.parent.layout().heightForWidth(LAPTOP[0]))
    for _ in range(3):
        panel.events()
    widgets = [getattr(panel.ui, name) for name in names]
    assert all(widget.isVisibleTo(panel.parent) for widget in widgets), names
    return max(widget.mapTo(panel.parent, qt.QPoint(0, widget.height)).y() for widget in widgets)


def testEverythingFromTheScanToTheVerdictIsSeenOnALaptopWithoutScrolling(panel):
    import numpy as np

    panel.ui.inputSelector.setCurrentNode(
        head("T1w axial, a patient's usual long name", shape=(96, 112, 24), spacing=(1.0, 1.0, 4.0))
    )
    assert panel.parameters.model == "edsr3d-thick"
    assert (
        reachOf(panel, "inputSelector", "makingComboBox", "targetModeComboBox", "modelTree", "modelInfoLabel")
        <= LAPTOP[1]
    )
    assert reachOf(panel, "applyButton", "statusLabel") <= LAPTOP[1]
    panel.ui.makingComboBox.currentText = "In thick slices"
    assert reachOf(panel, "makingWidget", "applyButton", "statusLabel") <= LAPTOP[1]
    panel.pick("cubic")
    panel.click("applyButton")
    assert reachOf(panel, "cancelButton", "progressBar", "statusLabel") <= LAPTOP[1]
    panel.finish()
    assert (
        reachOf(panel, "applyButton", "statusLabel", "verdictMark", "verdictLabel", "verdictCompareButton")
        <= LAPTOP[1]
    )
    assert not np.any(
        [panel.ui.progressBar.isVisibleTo(panel.parent), panel.ui.cancelButton.isVisibleTo(panel.parent)]
    )
    panel.shot("31-laptop", width=LAPTOP[0])


WARNING = "⚠ The scan was interpolated after it was made, and what is told of its slices is not what its voxels show. "


def testNothingLiesOverAnythingElseOnALaptopWithALongWarning(panel):
    from gui.appearance import overlapping
    from MRISuperResolutionLib.Panels.GuardRailsPanel import WAIT_MS

    panel.ui.inputSelector.setCurrentNode(head("T1w", shape=(96, 112, 24), spacing=(1.0, 1.0, 4.0)))
    sleep(2 * WAIT_MS / 1000)
    panel.events()  # the scan was looked at: nothing changes the warning any more
    for repeats in (2, 1, 3):
        panel.ui.scanWarningLabel.text = repeats * WARNING
        panel.ui.scanWarningLabel.visible = True
        for width in (LAPTOP[0], LAPTOP[0] - 30, LAPTOP[0] + 30):
            # As a scroll area does: whatever the height was, it becomes what the width asks for, or more.
            for more in (0, 40):
                panel.parent.resize(width, 720)
                panel.parent.show()
                panel.events()
                panel.parent.resize(width, more + panel.parent.layout().heightForWidth(width))
                panel.events()
                assert overlapping(panel.parent) == [], (repeats, width, more)


@pytest.mark.parametrize("percent", [125, 150])
def testNoTextIsClipped(percent):
    found = subprocess.run(
        [sys.executable, "-c", CLIPPED.format(percent=percent)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={
            **os.environ,
            "QT_SCALE_FACTOR": str(percent / 100),
            "PYTHONPATH": f"{ROOT / 'Testing'}:{ROOT / 'MRISuperResolution'}",
        },
    )
    line = next((line for line in found.stdout.splitlines() if line.startswith("CLIPPED")), found.stderr)
    assert line == "CLIPPED []"
