"""Draws the icon of the module and of the extension: a head in coarse pixels on the left, finely resolved on the right."""

from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

ROOT = Path(__file__).resolve().parent.parent
TARGETS = (
    ROOT / "MRISuperResolution/Resources/Icons/MRISuperResolution.png",
    ROOT / "Resources/MRISuperResolution.png",
)
SIDE, FINE, BLOCK = 128, 8, 16
BACKGROUND, LINE = (18, 24, 38), (86, 180, 255)


def head(side: int) -> np.ndarray:
    """An axial slice of a head, (side, side), values in [0, 1]."""
    y, x = np.meshgrid(*(np.linspace(-1.04, 1.04, side),) * 2, indexing="ij")
    angle = np.arctan2(y, x)
    folds = 0.045 * np.sin(17 * angle) + 0.03 * np.sin(29 * angle + 1)
    picture = np.zeros((side, side))
    for rx, ry, wave, value in (
        (0.80, 0.97, 0, 0.95),
        (0.73, 0.90, 0, 0.10),
        (0.68, 0.85, 0.2, 0.46),
        (0.56, 0.72, 1, 0.80),
    ):
        picture[np.hypot(x / rx, y / ry) < 1 + wave * folds] = value
    for sign in (-1, 1):
        bend = x - sign * (0.10 + 0.10 * np.abs(y))
        picture[np.hypot(bend / 0.075, y / 0.34) < 1] = 0.14
        picture[np.hypot((x - sign * 0.30) / 0.10, (y - 0.05) / 0.20) < 1] = 0.60
    picture[(np.abs(x) < 0.018) & (np.abs(y) > 0.36) & (np.hypot(x, y) < 0.86)] = 0.30
    return picture


def draw() -> Image.Image:
    fine = _shrunk(head(SIDE * FINE), FINE)
    coarse = np.kron(_shrunk(head(SIDE * FINE), FINE * BLOCK), np.ones((BLOCK, BLOCK)))
    fine[:, : SIDE // 2] = coarse[:, : SIDE // 2]
    shade = fine[..., None]
    colors = np.array(BACKGROUND) * (1 - shade) + np.array((244, 247, 252)) * shade
    icon = Image.fromarray(np.rint(colors).astype(np.uint8))
    ImageDraw.Draw(icon).rectangle((SIDE // 2 - 1, 0, SIDE // 2, SIDE), fill=LINE)
    icon.putalpha(_rounded())
    return icon


def _shrunk(picture: np.ndarray, by: int) -> np.ndarray:
    n = picture.shape[0] // by
    return picture.reshape(n, by, n, by).mean(axis=(1, 3))


def _rounded() -> Image.Image:
    mask = Image.new("L", (SIDE * FINE, SIDE * FINE), 0)
    ImageDraw.Draw(mask).rounded_rectangle(
        (0, 0, SIDE * FINE - 1, SIDE * FINE - 1), radius=20 * FINE, fill=255
    )
    return mask.resize((SIDE, SIDE), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    for target in TARGETS:
        target.parent.mkdir(parents=True, exist_ok=True)
        draw().save(target, optimize=True)
