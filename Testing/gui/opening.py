"""Opening the module in a fresh interpreter: what it drags in, and how long it takes."""

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HEAVY = ("torch", "monai", "nibabel", "SimpleITK", "matplotlib", "skimage")

OPEN = """
import sys, time
import slicerhost
from pathlib import Path
host = slicerhost.start()
import numpy, slicer
# Slicer has these widgets and libraries in memory when a module is opened; the stand-in makes them on first use.
ui = Path({root!r}) / "MRISuperResolution/Resources/UI/MRISuperResolution.ui"
slicer.util.childWidgetVariables(slicer.util.loadUI(str(ui)))
begun = time.process_time()
module = host.loadModule(Path({root!r}) / "MRISuperResolution/MRISuperResolution.py")
loaded = time.process_time()
light = [name for name in sys.modules if name.split(".")[0] in ("mrisr", "scipy")]
parent = module.widgetRepresentation()
parent.enter()
opened = time.process_time()
heavy = [name for name in {heavy!r} if name in sys.modules]
print("RESULT", round(loaded - begun, 3), round(opened - begun, 3), heavy, light)
host.module = module
host.stop()
"""


@dataclass(frozen=True)
class Opening:
    """Processor seconds to open the module, heavy modules that are there then, and the engine's that are there before."""

    seconds: float
    heavy: str
    light: str


def openModule() -> Opening:
    found = subprocess.run(
        [sys.executable, "-c", OPEN.format(root=str(ROOT), heavy=HEAVY)],
        capture_output=True,
        text=True,
        check=False,
        env={
            **os.environ,
            "QT_QPA_PLATFORM": "offscreen",
            "PYTHONPATH": f"{ROOT / 'Testing'}:{ROOT / 'MRISuperResolution'}",
        },
    )
    line = next((line for line in found.stdout.splitlines() if line.startswith("RESULT")), None)
    assert line, found.stdout + found.stderr
    _loaded, opened, lists = line.removeprefix("RESULT ").split(" ", 2)
    heavy, light = lists.split("] [")
    return Opening(float(opened), heavy.strip("[]"), light.strip("[]"))
