"""Makes the pictures of the README: ``python Testing/screenshots.py`` (or ``make screenshots``) writes Resources/Screenshots."""

import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "MRISuperResolution")]

from gui import tutorial, tutorial_examine, tutorial_trust  # noqa: E402
from gui.scans import thickHead  # noqa: E402
from slicerhost import fixtures, start  # noqa: E402
from slicerhost.features import speakPythonQt  # noqa: E402
from slicerhost.fixtures import Panel  # noqa: E402

TARGET = ROOT / "Resources" / "Screenshots"
PATIENCE_S = 1800
"""Pictures are waited for on busy computers, too."""

SECTIONS = ("advancedSection", "examineSection", "simulateSection", "batchSection", "fuseSection")


class Photographed(Panel):
    """Each picture is put where the README shows it as soon as it is made: a walk that stops halfway keeps what it has."""

    def shot(self, name: str, width: int = 480) -> None:
        super().shot(name, width)
        self._keep()

    def laptopShot(self, name: str) -> None:
        super().laptopShot(name)
        self._keep()

    def _keep(self) -> None:
        TARGET.mkdir(parents=True, exist_ok=True)
        shrink(self.saved[-1], TARGET / self.saved[-1].name.removeprefix("tutorial-"))


def main() -> None:
    fixtures.TIMEOUT_S = PATIENCE_S
    speakPythonQt(__name__, "gui.tutorial", "gui.tutorial_examine", "gui.tutorial_trust")
    host = start()
    panel = Photographed.opened(host)
    tutorial.follow(panel, thickHead(), model="edsr3d-thick")
    for collapsed in (False, True):
        for name in SECTIONS:
            getattr(panel.ui, name).collapsed = collapsed
        if not collapsed:
            panel.shot("tutorial-9-all-sections")
    tutorial_trust.follow(panel)
    tutorial_examine.follow(panel)
    host.stop()
    photographReport(tutorial_examine.REPORT)
    print(f"The pictures are in {TARGET}")


def photographReport(page: Path) -> None:
    """The report as a browser shows it on a laptop; told where there is no Chromium to do so."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if browser is None:
        print("There is no Chromium: the picture of the report is left as it was.")
        return
    with tempfile.TemporaryDirectory() as folder:
        picture = Path(folder) / "page.png"
        options = [
            "--headless",
            "--no-sandbox",
            "--disable-gpu",
            "--hide-scrollbars",
            "--window-size=1366,1100",
        ]
        subprocess.run(
            [
                browser,
                *options,
                f"--user-data-dir={folder}/profile",
                f"--screenshot={picture}",
                page.as_uri(),
            ],
            check=True,
        )
        shrink(picture, TARGET / "18-report-page.png")


def shrink(source: Path, target: Path) -> None:
    """Write a picture with a palette: half as large, and nobody sees it.

    The commonest colors are kept as they are, the scans get 40 grays, and the rest is shared by all other colors, however rare: a green
    mark stays green.
    """
    import numpy as np
    from PIL import Image

    picture = Image.open(source).convert("RGB")
    colors, counts = np.unique(np.asarray(picture).reshape(-1, 3), axis=0, return_counts=True)
    isColored = np.ptp(colors.astype(int), axis=1) > 2
    common = colors[np.argsort(-(counts * np.where(isColored, 20, 1)))[:72]]
    rare = Image.fromarray(colors[isColored][None] if isColored.any() else common[None])
    levels = [*common.ravel().tolist(), *np.repeat(np.linspace(0, 255, 40).astype(int), 3).tolist()]
    palette = Image.new("P", (1, 1))
    palette.putpalette(
        levels + rare.quantize(120, dither=Image.Dither.NONE).getpalette()[: 768 - len(levels)]
    )
    picture.quantize(palette=palette, dither=Image.Dither.NONE).save(target, optimize=True)


if __name__ == "__main__":
    main()
