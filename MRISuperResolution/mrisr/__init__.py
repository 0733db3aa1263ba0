"""Super-resolution of MRI scans: the engine, which knows nothing of Slicer.

    import mrisr

    scan = mrisr.read_volume("flair.nii.gz")
    result = mrisr.enhance(scan, mrisr.Settings(model="cubic", target=mrisr.Target.isotropic()))
    mrisr.write_volume(result.volume, "flair_sr.nii.gz")

The road a scan takes is in `enhance`; a file stands for each of its steps.
"""

from .acquisition import Acquisition
from .catalog import list_models
from .enhance import Result, Settings, enhance
from .errors import Cancelled, MrisrError
from .evaluate import evaluate
from .files import read_volume, write_volume
from .grid import Grid, Target
from .progress import CancelToken, Monitor
from .protocols import prepare_reference
from .simulate import simulate
from .volume import Volume

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
