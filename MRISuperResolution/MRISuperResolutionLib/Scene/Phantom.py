"""A head drawn from ellipsoids, for self-tests and as sample data that needs no download."""

import numpy as np

from mrisr.image.volume import Volume

# Center and half axes as shares of the field of view's half (x: left–right, y: back–front, z: feet–head), intensity.
ELLIPSOIDS = (
    ((0.0, 0.0, 0.0), (0.72, 0.90, 0.85), 820.0),  # scalp
    ((0.0, -0.02, 0.0), (0.66, 0.84, 0.79), 90.0),  # skull
    ((0.0, -0.02, 0.0), (0.62, 0.80, 0.75), 430.0),  # gray matter
    ((0.0, -0.02, 0.02), (0.52, 0.69, 0.63), 610.0),  # white matter
    ((-0.12, 0.05, 0.10), (0.07, 0.30, 0.16), 170.0),  # ventricles
    ((0.12, 0.05, 0.10), (0.07, 0.30, 0.16), 170.0),
    ((0.0, -0.42, -0.42), (0.34, 0.22, 0.18), 500.0),  # cerebellum
    ((-0.28, 0.25, 0.15), (0.05, 0.05, 0.05), 760.0),  # a small lesion
    ((0.20, 0.0, -0.12), (0.09, 0.12, 0.09), 480.0),  # deep gray matter
    ((-0.20, 0.0, -0.12), (0.09, 0.12, 0.09), 480.0),
)
FOLDS = 26.0
NOISE = 12.0


def head(shape: tuple[int, int, int] = (96, 112, 96), spacing: float = 1.9, seed: int = 0) -> Volume:
    """A T1-like head in RAS order, centered on the origin; intensities of 0 to about 850, with Gaussian noise."""
    x, y, z = np.meshgrid(*(np.linspace(-1, 1, n, dtype=np.float32) for n in shape), indexing="ij")
    array = np.zeros(shape, dtype=np.float32)
    # Folds make the border between gray and white matter wavy, as the cortex is.
    ripple = 0.035 * np.sin(FOLDS * x) * np.sin(FOLDS * y) * np.sin(FOLDS * z)
    for (cx, cy, cz), (rx, ry, rz), value in ELLIPSOIDS:
        radius = ((x - cx) / rx) ** 2 + ((y - cy) / ry) ** 2 + ((z - cz) / rz) ** 2
        array[radius + (ripple * 4 if value == 610.0 else 0) < 1] = value
    array += NOISE * np.random.default_rng(seed).standard_normal(shape, dtype=np.float32)
    affine = np.diag([spacing, spacing, spacing, 1.0])
    affine[:3, 3] = -spacing * (np.array(shape) - 1) / 2
    return Volume(np.maximum(array, 0), affine)
