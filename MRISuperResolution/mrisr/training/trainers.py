"""Training by a family's name.

A family's trainer refuses the options that it has no use for (`options.refuse_unused`), so that nobody waits for what will not come.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import ConfigError, FileError, MrisrError
from ..models.discovery import families
from ..progress import Monitor
from .options import Options, refuse_unused

if TYPE_CHECKING:
    from .objective import ObjectiveFactory
    from .packing import Packed

PACKAGES = ("accelerate", "matplotlib", "monai", "tensorboard")
"""What the extra `train` of this package brings: needed to train networks, and for nothing else."""


class MissingPackages(MrisrError):  # noqa: N818 - named for what is wrong
    """The packages that training needs are not installed."""


def trainable() -> list[str]:
    """The names of the families that can be trained."""
    return [name for name, family in families().items() if family.training]


def train_family(table: dict[str, Any], options: Options, monitor: Monitor) -> Path:
    """Train what a configuration says; the folder with what was made: a model, a run or a network's weights.

    Args:
        table: the configuration, see `read_config`.
        options: what the command line adds.
        monitor: told of progress, asked whether to stop.

    Raises:
        ConfigError: there is no such family, or it cannot be trained.
        MissingPackages: it needs packages that are not installed.
        MrisrError: what the family's trainer raises.
    """
    family = families().get(table["family"])
    if family is None or family.training is None:
        raise ConfigError(
            f"There is no trainer for the family {table['family']!r}; choose one of {', '.join(trainable())}."
        )
    if (options.bundle or options.minutes) and not family.teaches:
        raise ConfigError(
            f"The family {family.name} is not trained from bundles; leave out --bundle and --minutes."
        )
    with _packages():
        return family.training(table, options, monitor)


def train_network(
    table: dict[str, Any], options: Options, monitor: Monitor, make: ObjectiveFactory | None = None
) -> Path:
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
    refuse_unused(
        options, table["family"], output=f"leave it out, and make a model of the finished run with {export}"
    )
    if options.bundle is not None:
        from .bundle import write_bundle

        return write_bundle(table, options, options.bundle, monitor)
    if options.minutes is not None:
        from .borrowed import train_borrowed

        return train_borrowed(options.config.parent, options, 60 * options.minutes, monitor)
    with _packages():
        import matplotlib as mpl  # noqa: F401 - now, rather than after all scans were read, or at the end
        import tensorboard  # noqa: F401

        from . import objective, run
    work = run.train(table, options, monitor, make or objective.supervised)
    shown = f'"{work}"' if " " in str(work) else str(work)
    monitor.log(f"Make a model of this run with: mrisr export {shown} {table['name']} --output FOLDER")
    return work


def pack_run(run: Path, record: dict[str, Any], best: bool) -> Packed:
    """What a network's run is packed to; see `packing.pack_network`."""
    from .packing import pack_network

    return pack_network(run, record, best)


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
        raise FileError(
            f"The configuration {path} cannot be read ({error.strerror}); check its name."
        ) from error
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"The configuration {path} is no valid TOML: {error}.") from error
    if not isinstance(config.get("family"), str):
        raise ConfigError(
            f'The configuration {path} does not say which family to train; add a line such as family = "edsr3d".'
        )
    return config
