"""Packages that only some tasks need: interpolation, measuring, reports and DICOM run with what 3D Slicer ships."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from .errors import MrisrError

REQUIREMENTS = {
    "accelerate": "accelerate>=1.0",
    "jsonschema": "jsonschema>=4.20",
    "matplotlib": "matplotlib>=3.10",
    "monai": "monai>=1.5",
    "nibabel": "nibabel>=5.2",
    "safetensors": "safetensors>=0.4",
    "torch": "torch>=2.8",
}
"""By import name, what pip is to be asked for."""


@contextmanager
def needed_for(purpose: str, kind: type[MrisrError]) -> Iterator[None]:
    """A sentence instead of an ImportError where one of `REQUIREMENTS` is not installed.

    Args:
        purpose: what cannot be done, such as `Reading scan.nii.gz`; begins the sentence.
        kind: of the error.

    Raises:
        MrisrError: of this kind; a package is missing.
    """
    try:
        yield
    except ImportError as error:
        name = (error.name or "").partition(".")[0]
        if name not in REQUIREMENTS:
            raise
        raise kind(f"{purpose} needs the Python package {name}; install it with pip install '{REQUIREMENTS[name]}'.") from error
