"""Makes the picture on top of the README, before and after: ``python Testing/frontispiece.py`` (or ``make screenshots``).

The head of the demonstration is scanned again by calculation in thick slices, with noise, and restored by a model that is told nothing of
that. The gain beneath it is measured in the same run, against the head itself.
"""

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "Testing"), str(ROOT / "MRISuperResolution")]

from demo import the_head  # noqa: E402
from mrisr.image.metrics import score  # noqa: E402
from mrisr.models import catalog  # noqa: E402
from mrisr.physics.interpolation import interpolate  # noqa: E402
from mrisr.physics.protocols import PROTOCOLS, prepare_reference  # noqa: E402
from mrisr.pipeline.enhancement import enhance  # noqa: E402
from mrisr.pipeline.proposal import gain_on  # noqa: E402
from mrisr.pipeline.settings import Settings  # noqa: E402

TARGET = ROOT / "Resources" / "Screenshots" / "before-after.png"
PROTOCOL, MODEL, NOISE = "thick6", "edsr3d-thick", 0.01

SIZE = (1280, 800)
GAP, LINE = 8, 26
SAGITTAL = 9
"""Voxels from the middle of the head to the slice that is shown."""

FIELD = (8, 20, 208, 178)
"""What is shown of the slice: from front–back and head–foot to front–back and head–foot, in its pixels."""

ZOOM = (64, 84, 138, 120)
"""The part that is shown larger."""

INK, MARK, GROUND = (236, 236, 236), (255, 196, 64), (16, 18, 20)


def main() -> None:
    """Scan, restore, measure, draw."""
    _, head = the_head(None)
    reference = prepare_reference(head)
    protocol = replace(PROTOCOLS[PROTOCOL], noise=NOISE)
    scan = protocol.simulate(reference, axis=2)
    shown = interpolate(scan.array, scan.grid, reference.grid, "linear")
    restored = {
        model: enhance(scan, Settings(model=model, target=reference.grid)).volume.array
        for model in ("cubic", MODEL)
    }
    decibels = {name: score(reference.array, array).psnr_mask for name, array in restored.items()}
    gain = decibels[MODEL] - decibels["cubic"]
    usual = gain_on(catalog.find(MODEL), PROTOCOL)
    picture = drawn([shown, restored[MODEL], reference.array], gain, usual or 0.0)
    TARGET.parent.mkdir(parents=True, exist_ok=True)
    picture.quantize(128, dither=Image.Dither.NONE).save(TARGET, optimize=True)
    print(f"{decibels} dB in the head; the picture is {TARGET}")


def drawn(volumes: list[np.ndarray], gain: float, usual: float) -> Image.Image:
    """Scan and result side by side; beneath them the same part of both, and of the head itself, larger."""
    picture = Image.new("RGB", SIZE, GROUND)
    pen = ImageDraw.Draw(picture)
    slices = [sagittal(volume) for volume in volumes]
    half, third = (SIZE[0] - 3 * GAP) // 2, (SIZE[0] - 4 * GAP) // 3
    aspect = (FIELD[3] - FIELD[1]) / (FIELD[2] - FIELD[0])
    high, low = round(half * aspect), round(third * (ZOOM[3] - ZOOM[1]) / (ZOOM[2] - ZOOM[0]))
    over = LINE + GAP
    for n, (each, title) in enumerate(
        zip(slices[:2], ("The scan: slices 6 mm thick", f"The result: 1 mm voxels, by {MODEL}"), strict=True)
    ):
        x = GAP + n * (half + GAP)
        write(pen, (x + half / 2, over / 2), title, 19)
        picture.paste(enlarged(each, FIELD, (half, high)), (x, over))
        scale = half / (FIELD[2] - FIELD[0])
        box = [
            at + scale * (edge - start)
            for at, edge, start in zip((x, over) * 2, ZOOM, FIELD[:2] * 2, strict=True)
        ]
        pen.rectangle(box, outline=MARK, width=2)
    top = over + high + LINE
    for n, (each, title) in enumerate(zip(slices, ("scan", "result", "the head itself"), strict=True)):
        x = GAP + n * (third + GAP)
        write(pen, (x + third / 2, top - LINE / 2), title, 15, MARK)
        picture.paste(enlarged(each, ZOOM, (third, low)), (x, top))
        pen.rectangle((x, top, x + third - 1, top + low - 1), outline=MARK, width=2)
    beneath = SIZE[1] - 2 * LINE / 3
    said = (
        f"MNI152 head, scanned by calculation, 1 % noise. {gain:+.2f} dB over cubic interpolation here, {usual:+.2f} dB on six real scans. "
        "Research use only: detail is estimated, not measured."
    )
    write(pen, (SIZE[0] / 2, beneath), said, 15)
    return picture


def sagittal(volume: np.ndarray) -> np.ndarray:
    """A slice beside the middle, face to the left, head up; the template's axes are left–right, back–front, foot–head."""
    return volume[volume.shape[0] // 2 + SAGITTAL].T[::-1, ::-1]


def enlarged(pixels: np.ndarray, box: tuple[int, int, int, int], size: tuple[int, int]) -> Image.Image:
    """A part of a slice, drawn linearly between its pixels as Slicer does."""
    gray = Image.fromarray((255 * np.clip(pixels, 0, 1)).astype(np.uint8))
    return gray.resize(size, Image.Resampling.BILINEAR, box).convert("RGB")


def write(
    pen: ImageDraw.ImageDraw, middle: tuple[float, float], text: str, size: int, color: tuple[int, ...] = INK
) -> None:
    pen.text(middle, text, fill=color, font=ImageFont.load_default(size), anchor="mm")


if __name__ == "__main__":
    main()
