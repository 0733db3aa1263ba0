"""What `import mrisr` offers, see there."""

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
