"""Draws three real stacks of a prostate, fused: ``python Testing/fused_prostate.py`` (or ``make screenshots``).

Three planes through the gland, from the axial stack alone by cubic interpolation, and from all three by default. The stacks are those of
`shared/data`; without them nothing is drawn.
"""

import sys
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "MRISuperResolution")]

from engine.conftest import DATA  # noqa: E402
from mrisr.fusion.fuse_scans import fuse  # noqa: E402
from mrisr.fusion.suitability import Scan  # noqa: E402
from mrisr.image.files import read_volume  # noqa: E402
from mrisr.physics.interpolation import interpolate  # noqa: E402

TARGET = ROOT / "docs" / "assets" / "fused-prostate.png"
STACKS = [DATA / "stacks" / f"prostate_{name}_T2w.nii.gz" for name in ("ax", "sag", "cor")]

FIRST, LAST = (60, 40, 0), (260, 240, 20)
"""The box of the axial stack that is restored, in its voxels: the gland, and the bladder below it."""

BRIGHT, LINE, GAP = 97.0, 22, 4
"""Percentile that is shown white, and pixels for a line of text and between pictures."""


def main() -> None:
    """Fuse and draw."""
    if not all(path.exists() for path in STACKS):
        print("There is no shared/data here; the picture stays as it is.")
        return
    scans = [Scan(path.name, read_volume(path)) for path in STACKS]
    axial = scans[0].volume.cropped(FIRST, LAST)
    fused = fuse([Scan("axial", axial), *scans[1:]]).volume
    cubic = interpolate(axial.array.astype(np.float32), axial.grid, fused.grid)
    rows = [_planes(cubic), _planes(fused.array)]
    width = sum(each.width + GAP for each in rows[0]) - GAP
    height = LINE + max(each.height for each in rows[0])
    picture = Image.new("L", (width, 2 * height))
    draw, font = ImageDraw.Draw(picture), ImageFont.load_default(14)
    texts = ("axial stack, cubic interpolation", "axial, sagittal and coronal stack, fused")
    for top, text, row in zip((0, height), texts, rows, strict=True):
        draw.text((4, top + 2), text, fill=230, font=font)
        left = 0
        for each in row:
            picture.paste(each, (left, top + LINE))
            left += each.width + GAP
    picture.quantize(64, dither=Image.Dither.NONE).save(TARGET, optimize=True)


def _planes(array: np.ndarray) -> list[Image.Image]:
    """Through the middle: across, from the front, and from the left."""
    i, j, k = (n // 2 for n in array.shape)
    white = np.percentile(array, BRIGHT)
    planes = (array[:, :, k], array[:, j], array[i])
    return [Image.fromarray(np.clip(255 * p / white, 0, 255).astype(np.uint8).T[::-1]) for p in planes]


if __name__ == "__main__":
    main()
