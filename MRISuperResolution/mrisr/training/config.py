"""A training configuration, checked before anything is read or computed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from ..codec import decode
from ..errors import ConfigError
from ..models.discovery import families
from ..physics.degradation import Degradation
from ..physics.profiles import PROFILES
from ..physics.protocols import PROTOCOLS
from .data.augmentation import Augmentation
from .data.patches import PatchSampling
from .losses.sum import LOSSES
from .recipe import Recipe


def teaching_families() -> list[str]:
    """The families that learn from a teacher, and teach."""
    return [name for name, family in families().items() if family.teaches]


@dataclass(frozen=True, kw_only=True)
class Optimizer:
    """How the weights are found.

    Args:
        rate: highest learning rate, reached after `warmup` of the steps and left along a cosine. Where time ends the training, it is
            reached after `schedule.WARMUP_STEPS`; up to there the same configuration gives the same losses, later ones differ a little with
            the machine's speed.
        steps: how many; 0 if only the time budget ends it.
        budget_minutes: how long at most; 0 for no limit. `--budget` overrides it.
        batch: patches in a step, on each process.
        repeats: how often each is used in a step, by families that draw something for it.
        ema: decay of the averaged weights, which are the ones that are exported.
        clip: largest norm of the gradient.
        keep_statistics: batch normalization uses the statistics of the weights it starts from instead of each batch's; a few small patches
            of different contrasts tell too little about what is left to learn late in a training.
        checkpoint_minutes: between checkpoints.
    """

    rate: float = 1e-3
    weight_decay: float = 0.0
    warmup: float = 0.02
    steps: int = 0
    budget_minutes: float = 0.0
    batch: int = 2
    repeats: int = 1
    ema: float = 0.999
    clip: float = 1.0
    keep_statistics: bool = False
    checkpoint_minutes: float = 3.0


@dataclass(frozen=True, kw_only=True)
class Adversary:
    """WGAN-GP, as in the mDCSRN paper (arXiv 1803.01417).

    Args:
        weight: of the adversarial term in the generator's loss.
        penalty: of the critic's gradient.
        critic_steps: of the critic for each of the generator.
        pretraining: steps of the critic alone before.
        rate: of the critic.
        width: of the critic's first layer.
        extra_every, extra_steps: every so many generator steps, so many extra of the critic.
    """

    weight: float = 1e-3
    penalty: float = 10.0
    critic_steps: int = 7
    pretraining: int = 200
    rate: float = 1e-4
    width: int = 64
    extra_every: int = 500
    extra_steps: int = 200


@dataclass(frozen=True, kw_only=True)
class Teacher:
    """A trained model whose estimates a network learns from.

    Args:
        model: its name; of the families `teaching_families`.
        share: of its estimate in the target; the truth has the rest.
    """

    model: str
    share: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Config(Recipe):
    """The configuration of a network.

    Args:
        network: hyperparameters of the family's network.
        losses: weights of losses by name, see `losses.LOSSES`.
        loss_options: for losses with settings, those, by the loss's name.
        start: a run's folder or a model's name whose weights are the starting point; for a network with experts one for all or a list of
            one for each.
        start_share: of the starting weights in the exported ones; the trained have the rest. Between a network and the one that went on
            from it against a critic, this trades sharp texture for exactness (Wang et al. 2018, arXiv 1809.00219, section 3.4).
    """

    network: Mapping[str, Any] = field(default_factory=dict)
    degradation: Degradation = field(default_factory=Degradation)
    patches: PatchSampling = field(default_factory=PatchSampling)
    augmentation: Augmentation = field(default_factory=Augmentation)
    optimizer: Optimizer = field(default_factory=Optimizer)
    losses: Mapping[str, float] = field(default_factory=lambda: {"l1": 1.0})
    loss_options: Mapping[str, Any] = field(default_factory=dict)
    loss_margin: int = 2
    adversary: Adversary | None = None
    teacher: Teacher | None = None
    start: str | tuple[str, ...] | None = None
    start_share: float = 0.0

    @property
    def experts(self) -> int:
        """How many networks there are in the network."""
        return len(self.network.get("experts", ())) + 1

    def within(self, budget: float | None) -> Config:
        """The configuration with this time budget, in seconds, in the place of its own.

        Raises:
            ConfigError: there would be no end, without steps or a budget.
        """
        optimizer = self.optimizer if budget is None else replace(self.optimizer, budget_minutes=budget / 60)
        if not optimizer.steps and not optimizer.budget_minutes:
            raise ConfigError(
                "The training has no end; set optimizer.steps or optimizer.budget_minutes, or give --budget."
            )
        return replace(self, optimizer=optimizer)

    @classmethod
    def of(cls, table: Mapping[str, Any]) -> Config:
        """The configuration that a TOML file's content means.

        Raises:
            ConfigError: a name is unknown, missing or has a value of the wrong kind; the message gives its path.
        """
        config = decode(cls, table, "The configuration", ConfigError)
        _check(config)
        return config


def _check(config: Config) -> None:
    optimizer, cut = config.optimizer, config.patches
    _check_counts(config)
    if not (config.data.train or config.data.pairs):
        raise ConfigError('data.train names no scans; add patterns such as train = ["scans/*.nii.gz"].')
    if any(size % cut.multiple for size in cut.size):
        raise ConfigError(
            f"patches.size must be multiples of patches.multiple ({cut.multiple}); got {list(cut.size)}."
        )
    if any(b and b < s for b, s in zip(cut.box, cut.size, strict=True)):
        raise ConfigError("patches.box must be 0 or at least patches.size on every axis.")
    if optimizer.rate <= 0 or not 0 <= optimizer.ema < 1 or not 0 <= optimizer.warmup < 1:
        raise ConfigError("optimizer needs rate > 0, ema in [0, 1) and warmup in [0, 1).")
    _check_names(config)
    if not 0 <= config.start_share < 1 or (config.start_share and config.start is None):
        raise ConfigError("start_share must be from 0 to below 1, and needs a start.")
    _check_experts(config)
    taught = teaching_families()
    if config.teacher and (
        config.family not in taught or config.adversary or not 0 <= config.teacher.share <= 1
    ):
        raise ConfigError(
            f"A teacher, with a share from 0 to 1 and no adversary beside it, is for the families {' and '.join(taught)}."
        )
    _check_degradation(config.degradation)


def _check_counts(config: Config) -> None:
    optimizer, cut = config.optimizer, config.patches
    least = {
        "seed": (config.seed, 0),
        "optimizer.steps": (optimizer.steps, 0),
        "optimizer.budget_minutes": (optimizer.budget_minutes, 0),
        "optimizer.batch": (optimizer.batch, 1),
        "optimizer.repeats": (optimizer.repeats, 1),
        "patches.chunk": (cut.chunk, 1),
        "patches.multiple": (cut.multiple, 1),
        "patches.size": (min(cut.size), 1),
        "validation.minutes": (config.validation.minutes, 0),
        "validation.quick": (config.validation.quick, 1),
    }
    for name, (value, bound) in least.items():
        if value < bound:
            raise ConfigError(f"{name} must be at least {bound}; got {value}.")
    if not 0 <= 2 * config.loss_margin < min(cut.size):
        raise ConfigError(
            f"loss_margin must leave something of a patch of {list(cut.size)} voxels; got {config.loss_margin}."
        )


def _check_names(config: Config) -> None:
    for what, given, known in (
        ("loss", config.losses, LOSSES),
        ("protocol", config.validation.protocols, PROTOCOLS),
    ):
        for name in given:
            if name not in known:
                raise ConfigError(f"There is no {what} {name!r}; choose among {', '.join(known)}.")
    shown = config.network.get("refines", "all")
    family = families().get(config.family)
    if family is not None and family.network is not None and shown != config.degradation.refines:
        raise ConfigError(
            f'network.refines ("{shown}"), how the model is used, and degradation.refines ("{config.degradation.refines}"), what it is '
            "trained for, must be the same."
        )


def _check_experts(config: Config) -> None:
    bounds = config.network.get("experts", [])
    if (
        not isinstance(bounds, list)
        or not all(isinstance(b, int | float) and b > 0 for b in bounds)
        or bounds != sorted(bounds)
    ):
        raise ConfigError(
            f"network.experts must be a list of rising numbers, how much resolution is lost; got {bounds!r}."
        )
    if isinstance(config.start, tuple) and len(config.start) != config.experts:
        raise ConfigError(
            f"A list as start has one entry for each of the {config.experts} networks; got {len(config.start)}."
        )


def _check_degradation(degradation: Degradation) -> None:
    for each in (degradation, *degradation.alternatives):
        for name in ("factor", "width", "kspace", "noise"):
            low, high = getattr(each, name)
            if low > high or low < 0:
                raise ConfigError(f"degradation.{name} must be a range [lowest, highest]; got {[low, high]}.")
        if each.factor[0] < 1 or not 0 < each.kspace[0] <= each.kspace[1] <= 1:
            given = f"{list(each.factor)} and {list(each.kspace)}"
            raise ConfigError(
                f"degradation needs factors from 1 on, and shares of k-space above 0 and up to 1; got {given}."
            )
        if each.profile not in PROFILES:
            raise ConfigError(f"There is no profile {each.profile!r}; choose among {', '.join(PROFILES)}.")
        if PROFILES[each.profile].same_matrix and each.factor != (1.0, 1.0):
            raise ConfigError(
                f'degradation.profile = "{each.profile}" keeps the scan\'s matrix; it needs factor = [1.0, 1.0].'
            )
    shares = [other.share for other in degradation.alternatives]
    if any(share <= 0 for share in shares) or sum(shares) >= 1:
        raise ConfigError(
            f"The degradation's alternatives need shares above 0 that leave some to the first; got {shares}."
        )
    if any(other.refines != degradation.refines or other.alternatives for other in degradation.alternatives):
        raise ConfigError(
            "The degradation's alternatives must refine the same axes, and have no alternatives of their own."
        )
