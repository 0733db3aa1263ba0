"""The mathematics of the gradient filters as one writes it down first: a loop over voxels, NumPy, double precision.

The structure tensor is Gᵀ W G with the dense 729 × 729 weight matrix as published. Slow on purpose: it is what the fast code is
compared with.
"""

import numpy as np

WINDOW, SIGMA = 9, 2.0


def dense_weight(window=WINDOW, sigma=SIGMA):
    line = np.exp(-0.5 * ((np.arange(window) - window // 2) / sigma) ** 2)
    cube = line[:, None, None] * line[:, None] * line
    return np.diag((cube / cube.sum()).reshape(-1))


def bucket_of(gradients, weight, edges, bins):
    """Bucket within one phase of the voxel whose (729, 3) gradients are given. bins: θ, φ, strength, coherence."""
    values, vectors = np.linalg.eigh(gradients.T @ weight @ gradients)
    x, y, z = vectors[:, 2]
    if y < 0 or (y == 0 and (x < 0 or (x == 0 and z < 0))):
        x, y, z = -x, -y, -z
    theta, phi = np.arccos(np.clip(z, -1, 1)), np.arctan2(y, x)
    roots = np.sqrt(np.clip(values, 0, None))
    strength = np.searchsorted(edges[0], np.sqrt(np.clip(values, 0, None).sum()))
    coherence = np.searchsorted(
        edges[1][strength], (roots[2] - roots[1] - roots[0]) / max(roots.sum(), 1e-10)
    )
    theta_bin, phi_bin = (
        min(int(angle * n / np.pi), n - 1) for angle, n in zip((theta, phi), bins[:2], strict=True)
    )
    return ((theta_bin * bins[1] + phi_bin) * bins[2] + strength) * bins[3] + coherence


def buckets(volume, voxels, edges, bins):
    """(n,) buckets of voxels that lie at least 5 voxels inside."""
    gradients = np.stack(np.gradient(volume.astype(np.float64)), axis=-1)
    weight, half = dense_weight(), WINDOW // 2
    found = []
    for i, j, k in voxels:
        box = gradients[i - half : i + half + 1, j - half : j + half + 1, k - half : k + half + 1]
        found.append(bucket_of(box.reshape(-1, 3), weight, edges, bins))
    return np.array(found)


def filtered(volume, voxels, numbers, filters, side):
    """(n,) values of voxels, each by the filter of its bucket."""
    half = side // 2
    result = []
    for (i, j, k), number in zip(voxels, numbers, strict=True):
        patch = volume[i - half : i + half + 1, j - half : j + half + 1, k - half : k + half + 1].astype(
            np.float64
        )
        result.append(
            volume[i, j, k] + filters[number].astype(np.float64) @ (patch - volume[i, j, k]).reshape(-1)
        )
    return np.array(result)
