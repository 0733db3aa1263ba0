"""Makes the pictures of the README: ``python Testing/screenshots.py`` (or ``make screenshots``) writes Resources/Screenshots."""

import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "MRISuperResolution")]

from gui import tutorial, tutorial_trust  # noqa: E402
from gui.scans import thickHead  # noqa: E402
from slicerhost import start  # noqa: E402
from slicerhost.features import speakPythonQt  # noqa: E402
from slicerhost.fixtures import MODULE, Panel  # noqa: E402

TARGET = ROOT / "Resources" / "Screenshots"
SECTIONS = ("advancedSection", "simulateSection", "batchSection")


def main() -> None:
    speakPythonQt(__name__, "gui.tutorial", "gui.tutorial_trust")
    host = start()
    host.module = host.loadModule(MODULE)
    parent = host.module.widgetRepresentation()
    parent.show()
    parent.enter()
    panel = Panel(host.module)
    tutorial.follow(panel, thickHead(), model="gradient-filters-thick")
    for name in SECTIONS:
        getattr(panel.ui, name).collapsed = False
    panel.shot("tutorial-9-all-sections")
    tutorial_trust.follow(panel)
    TARGET.mkdir(parents=True, exist_ok=True)
    for picture in panel.saved:
        shutil.copy(picture, TARGET / picture.name.removeprefix("tutorial-"))
    host.stop()
    print(f"The pictures are in {TARGET}")


if __name__ == "__main__":
    main()
