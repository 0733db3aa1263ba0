"""What it costs to open the module, and what it drags in."""

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
LIMIT_S = 0.3
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


@pytest.fixture(scope="module")
def opening() -> tuple[float, float, str, str]:
    """Processor seconds to load and to open, heavy modules when open, engine modules when only loaded: the best try."""
    code = OPEN.format(root=str(ROOT), heavy=HEAVY)
    runs = []
    while not runs or (len(runs) < 3 and runs[-1][1] > LIMIT_S):  # a busy machine gets another try
        found = subprocess.run(
            [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=False,
            env={**__import__("os").environ, "PYTHONPATH": f"{ROOT / 'Testing'}:{ROOT / 'MRISuperResolution'}"})
        line = next((line for line in found.stdout.splitlines() if line.startswith("RESULT")), None)
        assert line, found.stdout + found.stderr
        loaded, opened, lists = line.removeprefix("RESULT ").split(" ", 2)
        heavy, light = lists.split("] [")
        runs.append((float(loaded), float(opened), heavy.strip("[]"), light.strip("[]")))
    return min(runs, key=lambda run: run[1])


def testOpeningTheModuleImportsNothingHeavy(opening):
    assert opening[2] == ""


def testLoadingTheModuleFileDoesNotEvenImportTheEngine(opening):
    assert opening[3] == ""


def testOpeningTheModuleIsQuick(opening):
    assert opening[1] < LIMIT_S, f"opened in {opening[1]} s"
