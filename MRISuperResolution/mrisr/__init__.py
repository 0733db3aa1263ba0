"""Super-resolution of MRI scans: the engine, which knows nothing of Slicer.

    import mrisr

    scan = mrisr.read_volume("flair.nii.gz")
    result = mrisr.enhance(scan, mrisr.Settings(model="cubic", target=mrisr.Target.isotropic()))
    mrisr.write_volume(result.volume, "flair_sr.nii.gz")

The road a scan takes is in `enhance`; a file stands for each of its steps.
"""

from .errors import Cancelled, MrisrError
from .evaluation.scores import evaluate
from .image.files import read_volume, write_volume
from .image.grid import Grid, Target
from .image.volume import Volume
from .jobs.simulation import simulate
from .models.catalog import list_models
from .physics.acquisition import Acquisition
from .physics.protocols import prepare_reference
from .pipeline.enhancement import Result, enhance
from .pipeline.settings import Settings
from .progress import CancelToken, Monitor

__all__ = [
    "Acquisition",
    "CancelToken",
    "Cancelled",
    "Grid",
    "Monitor",
    "MrisrError",
    "Result",
    "Settings",
    "Target",
    "Volume",
    "enhance",
    "evaluate",
    "list_models",
    "prepare_reference",
    "read_volume",
    "simulate",
    "write_volume",
]
