"""What the command line adds to a training's configuration."""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path

from ..errors import ConfigError


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
        bundle: the folder to write what a borrowed computer needs, instead of training; see `bundle`.
        minutes: how long at most a training of a bundle takes, all that belongs to it included; see `borrowed`.
    """

    config: Path
    output: Path | None = None
    data: Path | None = None
    work: Path | None = None
    budget: float | None = None
    resume: bool = False
    device: str = "auto"
    precision: str = "auto"
    bundle: Path | None = None
    minutes: float | None = None


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
