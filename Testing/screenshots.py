"""Makes the pictures of the README: ``python Testing/screenshots.py`` (or ``make screenshots``) writes Resources/Screenshots."""

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "MRISuperResolution")]

from gui import tutorial, tutorial_examine, tutorial_trust  # noqa: E402
from gui.scans import thickHead  # noqa: E402
from slicerhost import start  # noqa: E402
from slicerhost.features import speakPythonQt  # noqa: E402
from slicerhost.fixtures import MODULE, Panel  # noqa: E402

TARGET = ROOT / "Resources" / "Screenshots"
SECTIONS = ("advancedSection", "simulateSection", "batchSection")


def main() -> None:
    speakPythonQt(__name__, "gui.tutorial", "gui.tutorial_examine", "gui.tutorial_trust")
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
    tutorial_examine.follow(panel)
    TARGET.mkdir(parents=True, exist_ok=True)
    for picture in panel.saved:
        shrink(picture, TARGET / picture.name.removeprefix("tutorial-"))
    host.stop()
    print(f"The pictures are in {TARGET}")


def shrink(source: Path, target: Path) -> None:
    """Write a picture with 128 colors of its own: half as large, and nobody sees it."""
    from PIL import Image

    Image.open(source).convert("RGB").quantize(128, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    main()
