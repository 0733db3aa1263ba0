"""A Slicer that computes: prints the PIDs of its worker once a run shows its first progress, and where its files are, and goes on."""

import time

from slicerhost import start
from slicerhost.features import speakPythonQt
from slicerhost.fixtures import Panel

speakPythonQt("__main__", "gui.scans")
host = start()
panel = Panel.opened(host)

from gui.processes import treeOf  # noqa: E402
from gui.scans import head  # noqa: E402

panel.choose(head(shape=(96, 96, 48), spacing=(2.0, 2.0, 2.0)))
panel.ui.consistencyComboBox.currentText = "20 steps"
for axis in range(3):
    getattr(panel.ui, f"factorSpinBox{axis}").value = 3
panel.click("applyButton")
panel.waitUntil(lambda: not panel.status.startswith("Starting"), "the first sign of life")
print("PIDS", *treeOf(panel.core.runner.process.pid), flush=True)
print("FILES", *panel.temporaryFiles, flush=True)
print("FOLDER", host.folder / "temporary", flush=True)
while True:
    panel.events()
    time.sleep(0.05)
