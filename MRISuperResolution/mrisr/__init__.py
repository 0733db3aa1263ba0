"""Super-resolution of MRI scans: the engine, which knows nothing of Slicer.

    import mrisr

    scan = mrisr.read_volume("flair.nii.gz")
    result = mrisr.enhance(scan, mrisr.Settings(model="cubic", target=mrisr.Target.isotropic()))
    mrisr.write_volume(result.volume, "flair_sr.nii.gz")

The road a scan takes is in `enhance`; a file stands for each of its steps. The names are loaded with the first that is asked for:
`mrisr --help` needs none of them.
"""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .public import (
        Acquisition,
        Cancelled,
        CancelToken,
        Grid,
        Monitor,
        MrisrError,
        Result,
        Settings,
        Target,
        Volume,
        enhance,
        evaluate,
        list_models,
        prepare_reference,
        read_volume,
        simulate,
        write_volume,
    )

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


def __getattr__(name: str) -> Any:
    """A public name."""
    if name not in __all__:
        raise AttributeError(f"module 'mrisr' has no attribute {name!r}")
    from . import public

    return getattr(public, name)
