"""Packages that only some tasks need: interpolation, measuring, reports and DICOM run with what 3D Slicer ships."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from .errors import MrisrError

REQUIREMENTS = {
    "accelerate": "accelerate>=1.0",
    "dask": "dask>=2025.4",
    "distributed": "distributed>=2025.4",
    "matplotlib": "matplotlib>=3.10",
    "monai": "monai>=1.5",
    "nibabel": "nibabel>=5.2",
    "safetensors": "safetensors>=0.4",
    "shtab": "shtab>=1.8",
    "tensorboard": "tensorboard>=2.16",
    "torch": "torch>=2.8",
}
"""By import name, what pip is to be asked for."""

NETWORKS = ("torch", "safetensors")
"""What every model with weights needs."""


@contextmanager
def needed_for(purpose: str, kind: type[MrisrError], together: Sequence[str] = ()) -> Iterator[None]:
    """A sentence instead of an ImportError where one of `REQUIREMENTS` is not installed.

    Args:
        purpose: what cannot be done, such as `Reading scan.nii.gz`; begins the sentence.
        kind: of the error.
        together: packages that are named along with the one that was missed, if they are missing too.

    Raises:
        MrisrError: of this kind; a package is missing.
    """
    try:
        yield
    except ImportError as error:
        name = (error.name or "").partition(".")[0]
        if name not in REQUIREMENTS:
            raise
        missing = [
            name,
            *(other for other in together if other != name and importlib.util.find_spec(other) is None),
        ]
        command = "pip install " + " ".join(f"'{REQUIREMENTS[other]}'" for other in missing)
        raise kind(
            f"{purpose} needs the Python package{'s' * (len(missing) > 1)} {', '.join(missing)}; install with {command}."
        ) from error
