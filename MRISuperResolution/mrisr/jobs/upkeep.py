"""What a process that stays does before, between and after jobs: wakes up what they need, and gives back what they held."""

from __future__ import annotations

import gc
import importlib
import sys
from contextlib import suppress

import numpy as np

from ..compute.device import flaw_of, resolve
from ..compute.heap import give_back
from ..image.grid import Target
from ..image.volume import Volume
from ..pipeline.enhancement import enhance
from ..pipeline.settings import Settings


def wake_up() -> None:
    """Import what inference needs by enhancing a tiny scan, and let the device compute once, so that the first scan need not wait.

    What is missing or broken here is told by the job that needs it.
    """
    with suppress(Exception):
        importlib.import_module("SimpleITK")
    with suppress(Exception):
        scan = Volume(np.random.default_rng(0).random((8, 8, 8), dtype=np.float32), np.eye(4))
        enhance(scan, Settings("cubic", Target.factor(2), residual=True))
    with suppress(Exception):
        compute = resolve()
        importlib.import_module("safetensors.torch")
        importlib.import_module("mrisr.neural.convolutional")
        _convolve(compute.device)
    gc.collect()
    gc.freeze()  # what was imported stays: `tidy_up` need not look through it each time


def _convolve(device: str) -> None:
    """The first convolution takes longer than others."""
    import torch

    torch.nn.Conv3d(1, 1, 3).to(device)(torch.zeros(1, 1, 4, 4, 4, device=device))


def get_ready() -> None:
    """Before a job: find packages that were installed meanwhile, and ask a device anew that did not work."""
    importlib.invalidate_caches()
    flaw_of.cache_clear()


def tidy_up() -> None:
    """After a job: give memory back that only looks used. Models that are kept stay where they are, on their device, too."""
    gc.collect()
    give_back()
    torch = sys.modules.get("torch")
    if torch is None:
        return
    with suppress(RuntimeError):  # a broken device; see `is_sound`
        if torch.cuda.is_initialized():
            torch.cuda.empty_cache()
        elif torch.backends.mps.is_available():
            torch.mps.empty_cache()


def is_sound() -> bool:
    """Whether this process can go on: after some errors CUDA answers everything with the same error until the process ends."""
    torch = sys.modules.get("torch")
    if torch is None or not torch.cuda.is_initialized():
        return True
    try:
        torch.cuda.synchronize()
    except RuntimeError:
        return False
    return True
