"""What a step of training minimizes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, NamedTuple, Protocol

import torch
from torch import Tensor, nn

from ..errors import ConfigError
from ..models.catalog import find, load_model
from ..neural.conditioning import Inputs, without_second_estimate
from ..neural.convolutional import Convolutional
from ..neural.networks import settings_of
from .config import Config, teaching_families
from .data.feed import Batch
from .losses.sum import Sum

if TYPE_CHECKING:
    from accelerate import Accelerator


class Scored(NamedTuple):
    """The outcome of a step.

    Args:
        loss: a number.
        estimate: (N, 1, i, j, k), of the target; for a critic.
    """

    loss: Tensor
    estimate: Tensor


class Objective(Protocol):
    """Runs the network on a batch; what it draws at random follows from the step."""

    def __call__(self, network: nn.Module, batch: Batch, step: int, /) -> Scored:
        """The loss and the estimate."""


ObjectiveFactory = Callable[[Config, nn.Module, "Accelerator"], Objective]
"""Makes the objective for a network that has the weights it starts with; may put those of a part that is not trained in their place."""


class Supervised:
    """The network's estimate against the target.

    Args:
        criterion: maps (estimate, target) to a number.
        margin: voxels at the patch's edge that do not count.
        accelerator: device and precision.
    """

    def __init__(self, criterion: nn.Module, margin: int, accelerator: Accelerator) -> None:
        self.criterion, self.margin, self.device = (
            criterion.to(accelerator.device),
            margin,
            accelerator.device,
        )

    def __call__(self, network: nn.Module, batch: Batch, _step: int) -> Scored:
        """The loss and the estimate."""
        estimate = network(batch.inputs.to(self.device)).float()
        loss: Tensor = self.criterion(
            inner(estimate, self.margin), inner(batch.target.to(self.device), self.margin)
        )
        return Scored(loss, estimate)


class Distilled(Supervised):
    """The network's estimate against that of a trained network, which tells it what can be known at all.

    Most of what a scan lacks cannot be foreseen and only disturbs a network that learns from the truth alone (Hinton et al. 2015,
    arXiv 1503.02531).

    Args:
        teacher: takes the batch's inputs.
        share: of the teacher in the target; the truth has the rest.
        aside: whether the inputs' second estimate is for the teacher alone.
        mirrored: whether the teacher sees the batch mirrored along other axes at each step, and its answer is mirrored back: over the
            steps that is its geometric self-ensemble, which knows more than it does (arXiv 1707.02921, section 4.3).
        criterion, margin, accelerator: as for `Supervised`.
    """

    def __init__(
        self,
        teacher: nn.Module,
        share: float,
        criterion: nn.Module,
        margin: int,
        accelerator: Accelerator,
        *,
        aside: bool = False,
        mirrored: bool = False,
    ) -> None:
        super().__init__(criterion, margin, accelerator)
        self.teacher, self.share = teacher.to(accelerator.device).eval().requires_grad_(False), share
        self.aside, self.mirrored, self.accelerator = aside, mirrored, accelerator

    def __call__(self, network: nn.Module, batch: Batch, step: int) -> Scored:
        """The loss and the estimate."""
        axes = [2 + axis for axis in range(3) if self.mirrored and step >> axis & 1]
        with torch.no_grad(), self.accelerator.autocast():
            taught = self.teacher(batch.inputs.to(self.device).flip(axes)).float().flip(axes)
        target = batch.target.to(self.device).lerp(taught, self.share)
        inputs = without_second_estimate(batch.inputs) if self.aside else batch.inputs
        return super().__call__(network, replace(batch, inputs=inputs, target=target), step)


def supervised(config: Config, _network: nn.Module, accelerator: Accelerator) -> Objective:
    """The configuration's losses, and its teacher if it has one.

    Raises:
        CatalogError, ConfigError: the teacher cannot be used, see `teacher_projections`.
    """
    criterion = Sum(config.losses, config.loss_options)
    if config.teacher is None:
        return Supervised(criterion, config.loss_margin, accelerator)
    teacher = load_model(config.teacher.model)
    assert isinstance(teacher, Convolutional)
    aside = bool(teacher_projections(config)) and not settings_of(config.family, config.network).projections
    # Planes that tell where the measured slices lie cannot be mirrored.
    mirrored = config.degradation.refines != "one"
    return Distilled(
        teacher.network,
        config.teacher.share,
        criterion,
        config.loss_margin,
        accelerator,
        aside=aside,
        mirrored=mirrored,
    )


def teacher_projections(config: Config) -> int:
    """Steps of back-projection for the teacher's second estimate; 0 if it has none or there is no teacher.

    Raises:
        CatalogError: there is no such teacher.
        ConfigError: it is no convolutional network, or is shown other inputs than its pupil.
    """
    if config.teacher is None:
        return 0
    card = find(config.teacher.model)
    if card.family not in teaching_families():
        raise ConfigError(
            f"The model {card.name} cannot teach; name one of the families {' and '.join(teaching_families())}."
        )
    its_settings = settings_of(card.family, card.hyperparameters)
    shown = (card.initial, its_settings.refines)
    if shown != (config.initial, config.degradation.refines):
        raise ConfigError(
            f'The teacher {card.name} needs initial = "{shown[0]}" and degradation.refines = "{shown[1]}".'
        )
    own_settings = settings_of(config.family, config.network)
    if own_settings.profiled != its_settings.profiled:
        raise ConfigError(
            f"The teacher {card.name} and its pupil must be told alike; set network.told to {str(its_settings.told).lower()}."
        )
    own, its = own_settings.projections, its_settings.projections
    if own not in (0, its):
        raise ConfigError(
            f"The teacher {card.name} sees {its} steps of back-projection; set network.projections to {its} or leave it out."
        )
    return its


def inputs_of(config: Config) -> Inputs:
    """What the network is shown, and its teacher beside it."""
    settings = settings_of(config.family, config.network)
    projections = settings.projections or teacher_projections(config)
    return Inputs(projections, config.degradation.refines == "one", profiled=settings.profiled)


def inner(volume: Tensor, margin: int) -> Tensor:
    """(N, C, i, j, k) without the margin, where the network sees the patch's edge instead of the head."""
    i, j, k = (n - margin for n in volume.shape[2:])
    return volume[:, :, margin:i, margin:j, margin:k]
