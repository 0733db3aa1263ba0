"""Draws what stays of rims at borders in real thick FLAIR slices: ``python Testing/rims.py`` (or ``make screenshots``).

Coronal and sagittal, from cubic interpolation, from all that the network adds, and as the product does it. The scan is one of
`shared/data`; without it nothing is drawn.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "MRISuperResolution")]

from engine.conftest import DATA  # noqa: E402
from mrisr.image.files import read_volume  # noqa: E402
from mrisr.image.volume import Volume  # noqa: E402
from mrisr.models import catalog  # noqa: E402
from mrisr.pipeline.enhancement import enhance  # noqa: E402
from mrisr.pipeline.knowledge import header_known  # noqa: E402
from mrisr.pipeline.settings import Settings  # noqa: E402

TARGET = ROOT / "docs" / "assets" / "rims.png"
SCANS = ("ljl_04_1_flair",)
SIDE, ZOOM = 120, 2
"""Voxels of the box in the middle within the slices, and pixels for each."""

BRIGHT = 99.7
"""Percentile of the scan that is shown white."""

LINE, GAP = 26, 6


def main() -> None:
    """Restore the scans in three ways and draw two planes of each."""
    rows = [row for name in SCANS for row in _rows(name)] if DATA.is_dir() else []
    if not rows:
        print("There is no shared/data here; the picture stays as it is.")
        return
    width = max(sum(each.width for each in row) + GAP * (len(row) - 1) for row in rows)
    picture = Image.new("L", (width, LINE + sum(row[0].height + GAP for row in rows)))
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    for number, text in enumerate(("cubic interpolation", "all that the network adds", "as it is done")):
        draw.text((number * (rows[0][0].width + GAP) + 4, 4), text, fill=230, font=font)
    top = LINE
    for row in rows:
        for number, each in enumerate(row):
            picture.paste(each, (number * (each.width + GAP), top))
        top += row[0].height + GAP
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(64, dither=Image.Dither.NONE).save(TARGET, optimize=True)


def _rows(name: str) -> list[list[Image.Image]]:
    """The coronal plane from three results, and the sagittal one."""
    source = DATA / "val" / f"{name}.nii.gz"
    scan = read_volume(source)
    known = header_known(source, scan)
    start = [max(0, (n - SIDE) // 2) for n in scan.shape]
    stop = [min(n, a + SIDE) for n, a in zip(scan.shape, start, strict=True)]
    box = scan.cropped((start[0], start[1], start[2]), (stop[0], stop[1], stop[2]))
    unbound = catalog.load_model("edsr3d-thick")
    unbound.card = replace(unbound.card, overshoot=1.0)
    models = (catalog.load_model("cubic"), unbound, catalog.load_model("edsr3d-thick"))
    made = [enhance(box, Settings(model=m.card.name, known=known), model=m).volume for m in models]
    white = float(np.percentile(box.array, BRIGHT))
    return [[_plane(volume, axis, white) for volume in made] for axis in (1, 0)]


def _plane(volume: Volume, axis: int, white: float) -> Image.Image:
    plane = np.take(volume.array, volume.array.shape[axis] // 2, axis)
    shown = np.clip(255 * plane / white, 0, 255).astype(np.uint8).T[::-1]
    return Image.fromarray(shown).resize(
        (ZOOM * shown.shape[1], ZOOM * shown.shape[0]), Image.Resampling.BICUBIC
    )


if __name__ == "__main__":
    main()
