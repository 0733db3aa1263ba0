"""Training: one file per family with a function `train`, found by the family's name.

The family `gradient-filters` is trained by `train/gradient_filters.py`. Nothing else names it. A trainer refuses the options that it has
no use for (`refuse_unused`), so that nobody waits for what will not come.
"""

from __future__ import annotations

import importlib
import pkgutil
import tomllib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, FileError, MrisrError
from ..progress import Monitor

if TYPE_CHECKING:
    from ..training.objective import Maker

__all__ = ["MissingPackages", "Options", "Trainer", "families", "read_config", "refuse_unused", "train_network", "trainer"]

PACKAGES = ("accelerate", "matplotlib", "tensorboard")
"""What the extra `train` of this package brings: needed to train networks, and for nothing else."""


class MissingPackages(MrisrError):  # noqa: N818 - named for what is wrong
    """The packages that training needs are not installed."""


@dataclass(frozen=True)
class Options:
    """What the command line adds to a configuration.

    Args:
        config: the configuration's file.
        output: the folder to write to, by trainers that write more than a run; None for the trainer's own choice.
        data: the folder that the configuration's scans are relative to; None for what the configuration says.
        work: where checkpoints and logs go; None for `runs/<name>` in the current folder.
        budget: seconds after which the training ends, earlier sittings included; None for what the configuration says.
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
"""Takes the configuration, the options and a monitor; returns the folder with what it made: a model, a run or a network's weights."""


def families() -> list[str]:
    """The families that can be trained."""
    return sorted(m.name.replace("_", "-") for m in pkgutil.iter_modules(__path__) if not m.name.startswith("_"))


def trainer(family: str) -> Trainer:
    """The function that trains a family.

    Raises:
        ConfigError: there is none.
        MissingPackages: it needs packages that are not installed.
    """
    if family not in families():
        raise ConfigError(f"There is no trainer for the family {family!r}; choose one of {', '.join(families())}.")
    with _packages():
        module = importlib.import_module(f".{family.replace('-', '_')}", __name__)
    found: Trainer = module.train
    return found


def train_network(table: dict[str, Any], options: Options, monitor: Monitor, make: Maker | None = None) -> Path:
    """Train a network by the shared pipeline; the run's folder.

    Args:
        table: the configuration.
        options: what the command line adds.
        monitor: told of progress, and at the end of how the run becomes a model; asked whether to stop.
        make: makes what is minimized; None for the configuration's losses.

    Raises:
        MrisrError: the configuration, an option or a scan cannot be used, packages are missing, or the training stopped.
    """
    export = "mrisr export RUN NAME --output FOLDER"
    refuse_unused(options, table["family"], output=f"leave it out, and make a model of the finished run with {export}")
    with _packages():
        for name in ("matplotlib", "tensorboard"):
            importlib.import_module(name)  # now, rather than after all scans were read, or at the end
        from ..training import objective, session
    work = session.train(table, options, monitor, make or objective.supervised)
    shown = f'"{work}"' if " " in str(work) else str(work)
    monitor.log(f"Make a model of this run with: mrisr export {shown} {table['name']} --output FOLDER")
    return work


def refuse_unused(options: Options, family: str, **instead: str) -> None:
    """Refuse options that a trainer has no use for; those left at their defaults were not asked for.

    Args:
        options: what the command line adds.
        family: what is trained.
        instead: for the name of each option without use, the end of a sentence that says what to do.

    Raises:
        ConfigError: one of them was asked for.
    """
    for option in fields(options):
        if option.name in instead and getattr(options, option.name) != option.default:
            raise ConfigError(f"The family {family} has no use for --{option.name}; {instead[option.name]}.")


@contextmanager
def _packages() -> Iterator[None]:
    """A sentence instead of an ImportError where the packages for training are not installed."""
    try:
        yield
    except ModuleNotFoundError as error:
        if error.name not in PACKAGES:
            raise
        raise MissingPackages(
            f"Training networks needs the package {error.name}, which is not installed; run pip install '.[train]' in the folder of this "
            f"software, or pip install {' '.join(PACKAGES)}."
        ) from error


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
