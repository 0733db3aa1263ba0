"""Gradient filters against a plain loop over the voxels of the same mathematics (`make bench ONLY=gradient_filters`).

The loop runs on a sample of voxels; both sides are compared per voxel, in one run on one machine.
"""

import numpy as np
import torch

from benchmarks import Finding, seconds
from benchmarks import gradient_filters_reference as reference
from mrisr.families.gradient_filters.bank import CHUNK, FilterBank, phase_numbers, slabs
from mrisr.families.gradient_filters.buckets import BucketSettings
from mrisr.families.gradient_filters.features import FeatureSettings, describe
from mrisr.families.gradient_filters.pairs import head_of
from mrisr.families.gradient_filters.taps import Taps
from mrisr.families.gradient_filters.teaching import choose, features_of, learn_edges
from mrisr.families.gradient_filters.workers import Workers

SHAPE = (181, 217, 181)
SAMPLE = 500
MARGIN = 6
SIDE = 7
BINS = (8, 8, 3, 3)


def head_phantom(shape=SHAPE, seed=0):
    """A smooth textured ellipsoid of the size of a head in a box of air; float32 on [0, 1]."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand((1, 1, *(n // 4 for n in shape)), generator=generator)
    texture = torch.nn.functional.interpolate(coarse, shape, mode="trilinear")[0, 0]
    axes = torch.meshgrid(*[torch.linspace(-1, 1, n) for n in shape], indexing="ij")
    radius = sum(a * a for a in axes).sqrt()
    return torch.where(radius < 0.97, 0.2 + 0.8 * texture, torch.zeros(()))


def random_bank(volume, side=SIDE):
    """Filters without training: what they do to the picture is of no interest here."""
    settings = BucketSettings()
    stage = type("Stage", (), {"buckets": settings, "features": FeatureSettings()})
    hashing = learn_edges([features_of(volume, choose(volume > 0, 100_000, 0), stage.features)], stage)
    torch.manual_seed(0)
    filters = torch.randn(settings.count, side**3) * 0.02
    filters[:, side**3 // 2] = 0
    return FilterBank(hashing, Taps((side, side, side)), filters)


def hash_all(bank: FilterBank, volume, head, phases):
    """Bucket of every voxel of the head, as `FilterBank.apply` finds it; (i, j, k), −1 in air."""
    numbers = torch.full(volume.shape, -1)

    def fill(part):
        voxels, tensors = part
        features = describe(tensors, bank.hashing.features)
        i, j, k = voxels.unbind(1)
        numbers[i, j, k] = bank.hashing.number(features, phase_numbers(voxels, phases, bank.hashing.buckets))

    with Workers(volume.device) as workers:
        for _, _, voxels, tensors in slabs(volume, head, bank.hashing.features, workers):
            workers.each(fill, list(zip(voxels.split(CHUNK), tensors.split(CHUNK, dim=1), strict=True)))
    return numbers


def measure():
    """Speed of a head of 1 mm voxels, ratios to the loop, and the largest differences between the two."""
    volume = head_phantom()
    bank = random_bank(volume)
    phases = tuple(torch.zeros(n, dtype=torch.long) for n in volume.shape)
    head = head_of(volume)
    with torch.inference_mode():
        numbers, result = hash_all(bank, volume, head, phases), bank.apply(volume, phases, head)
        fast_hash = seconds(lambda: hash_all(bank, volume, head, phases)) / int(head.sum())
        whole = seconds(lambda: bank.apply(volume, phases, head_of(volume)))
    inside = torch.zeros(volume.shape, dtype=torch.bool)
    inside[MARGIN:-MARGIN, MARGIN:-MARGIN, MARGIN:-MARGIN] = True
    voxels = choose(inside & head, SAMPLE, 1).numpy()
    edges = (bank.hashing.strength_edges.numpy(), bank.hashing.coherence_edges.numpy())
    slow = reference.buckets(volume.numpy(), voxels, edges, BINS)
    filters = bank.filters.numpy()
    values = reference.filtered(volume.numpy(), voxels, slow, filters, SIDE)
    slow_hash = seconds(lambda: reference.buckets(volume.numpy(), voxels, edges, BINS), 1) / len(voxels)
    slow_filter = seconds(lambda: reference.filtered(volume.numpy(), voxels, slow, filters, SIDE), 1) / len(
        voxels
    )
    i, j, k = voxels.T
    unlike = (numbers.numpy()[i, j, k] != slow).mean()
    difference = np.abs(result.numpy()[i, j, k] - values).max()
    return [
        Finding("gradient filters, 181x217x181 head", whole, "s", ceiling=8),
        Finding(
            "gradient filters, features and hashing against the loop", slow_hash / fast_hash, "x", floor=500
        ),
        Finding(
            "gradient filters, all against the loop",
            (slow_hash + slow_filter) / (whole / int(head.sum())),
            "x",
            floor=20,
        ),
        Finding("gradient filters, share of buckets unlike the loop's", float(unlike), "", ceiling=1e-3),
        Finding("gradient filters, largest difference from the loop", float(difference), "", ceiling=1e-4),
    ]
