"""What workers are given in the benchmarks of clusters; they import it by its name."""

import time
from pathlib import Path

from mrisr.jobs import batch, enhancement
from mrisr.pipeline.settings import Settings


def enhance(item, monitor):
    """Enhance a scan as a folder's are; the worker's memory behind it, in bytes.

    Args:
        item: input, output and model as texts.
        monitor: see `outcome.Work`.
    """
    import psutil

    source, output, model = item
    scan = enhancement.Request(Path(source), Path(output), Settings(model, device="cpu", precision="fp32"))
    batch.enhance_one(scan, monitor)
    return psutil.Process().memory_info().rss


def sleep(seconds, _monitor):
    """A model that takes so long, and no processor."""
    time.sleep(seconds)
