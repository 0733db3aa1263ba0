"""Training: one file per family with a function `train`, found by the family's name.

The family `gradient-filters` is trained by `train/gradient_filters.py`. Nothing else names it.
"""

from __future__ import annotations

import importlib
import pkgutil
import tomllib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ConfigError, FileError
from ..progress import Monitor

__all__ = ["Options", "Trainer", "families", "read_config", "trainer"]


@dataclass(frozen=True)
class Options:
    """What the command line adds to a configuration.

    Args:
        config: the configuration's file.
        output: the model's folder to write; None for the packaged models' folder and the configuration's name.
        data: the folder that the configuration's scans are relative to; None for what the configuration says.
        work: where checkpoints and logs go; None for `runs/<name>` in the current folder.
        budget: seconds after which training stops and the model is written as it is; None for no limit.
        resume: whether to go on from the last checkpoint.
        device, precision: as for `mrisr enhance`.
    """

    config: Path
    output: Path | None = None
    data: Path | None = None
    work: Path | None = None
    budget: float | None = None
    resume: bool = False
    device: str = "auto"
    precision: str = "auto"


Trainer = Callable[[dict[str, Any], Options, Monitor], Path]
"""Takes the configuration, the options and a monitor; writes a model's folder and returns it."""


def families() -> list[str]:
    """The families that can be trained."""
    return sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def trainer(family: str) -> Trainer:
    """The function that trains a family.

    Raises:
        ConfigError: there is none.
    """
    if family not in families():
        raise ConfigError(f"There is no trainer for the family {family!r}; choose one of {', '.join(families())}.")
    module = importlib.import_module(f".{family.replace('-', '_')}", __name__)
    found: Trainer = module.train
    return found


def read_config(path: Path) -> dict[str, Any]:
    """A training configuration.

    Raises:
        FileError: it cannot be read.
        ConfigError: it is no TOML, or does not name its family.
    """
    try:
        config = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileError(f"The configuration {path} cannot be read ({error.strerror}); check its name.") from error
    except ValueError as error:
        raise ConfigError(f"The configuration {path} is no valid TOML: {error}.") from error
    if not isinstance(config.get("family"), str):
        raise ConfigError(f'The configuration {path} does not say which family to train; add a line such as family = "edsr3d".')
    return config
