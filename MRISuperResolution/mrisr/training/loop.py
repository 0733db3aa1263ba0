"""The training loop: accelerate for devices and precision, an averaged network, checkpoints, a time budget."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import broadcast
from numpy.typing import NDArray
from torch import Tensor, nn

from ..data.feed import Batch, Feed
from ..errors import Cancelled, MrisrError
from ..progress import Monitor
from . import checkpoint
from .adversary import Adversary
from .average import Average
from .config import Config
from .logbook import Logbook
from .objective import Objective
from .schedule import Schedule

BROKEN = "broken_batch.pt"

Weights = dict[str, Tensor]


class Validator(Protocol):
    """Scores averaged weights; the entry `gain` (dB over cubic interpolation) decides which are the best.

    Attributes:
        picture: the cubic interpolation, the estimate and the reference side by side, (rows, columns), once there was a validation.
    """

    picture: NDArray[np.float32] | None

    def __call__(self, weights: Weights) -> dict[str, float]:
        """The scores by name."""


class Diverged(MrisrError):  # noqa: N818 - named for what happened
    """The loss is no longer a number."""


@dataclass
class State:
    """Where a training stands.

    Args:
        step: steps taken.
        elapsed: seconds spent, earlier sittings included.
        losses: of each step.
        validations: what each validation found.
        best: the highest gain seen in a validation.
    """

    step: int = 0
    elapsed: float = 0.0
    losses: list[float] = field(default_factory=list)
    validations: list[dict[str, Any]] = field(default_factory=list)
    best: float = -math.inf


class Loop:
    """One training run.

    Args:
        config: what to train and how.
        network: its weights are changed.
        objective: what a step minimizes.
        feed: gives the batches.
        work: the run's folder.
        accelerator: device, precision, processes.
        monitor: told of progress, asked whether to stop.
        validator: scores the averaged weights from time to time.
    """

    def __init__(
        self,
        *,
        config: Config,
        network: nn.Module,
        objective: Objective,
        feed: Feed,
        work: Path,
        accelerator: Accelerator,
        monitor: Monitor,
        validator: Validator | None = None,
    ) -> None:
        self.config, self.work, self.monitor, self.accelerator, self.feed = config, work, monitor, accelerator, feed
        settings = config.optimizer
        network = network.to(memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        optimizer = torch.optim.AdamW(network.parameters(), settings.rate, (0.9, 0.99), weight_decay=settings.weight_decay)
        self.average = Average(network, settings.ema)
        self.network, self.optimizer = accelerator.prepare(network, optimizer)
        self.objective = objective
        self.adversary = Adversary(config.adversary, config.seed, accelerator.device) if config.adversary else None
        self.schedule = Schedule(settings.rate, settings.warmup, settings.steps, 60 * settings.budget_minutes)
        self.validator = validator
        self.state = State()
        self._saved = self._validated = time.perf_counter()
        self._log: Logbook | None = None

    @property
    def bare(self) -> nn.Module:
        """The network itself, without what accelerate wraps around it."""
        network: nn.Module = self.accelerator.unwrap_model(self.network)
        return network

    def run(self) -> State:
        """Train until the steps or the time are used up.

        Raises:
            Cancelled: a stop was asked for; the checkpoint is written.
            Diverged: a loss is not finite; the batch is written.
        """
        started = time.perf_counter() - self.state.elapsed
        batches = self.feed.batches(self.state.step + (self.adversary.drawn if self.adversary else 0))
        self.network.train()
        if self.config.optimizer.keep_statistics:
            keep_statistics(self.bare)
        with Logbook(self.work, self.accelerator.is_main_process) as self._log:
            while (progress := self._agreed(self.schedule.progress(self.state.step, self.state.elapsed))) < 1:
                loss = self._step(batches, self.schedule.rate_at(progress))
                self.state.losses.append(loss)
                self.state.step += 1
                self.state.elapsed = time.perf_counter() - started
                self._after_step(loss, progress)
            self.validate()
            self.save()
        return self.state

    def _agreed(self, progress: float) -> float:
        """The first process's view, so that all stop at the same step."""
        if self.accelerator.num_processes == 1:
            return progress
        return float(broadcast(torch.tensor(progress, device=self.accelerator.device)))

    def _step(self, batches: Iterator[Batch], rate: float) -> float:
        if self.adversary:
            self._note("critic", self.adversary.teach(self.network, batches, self.state.step))
        batch = next(batches)
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss, estimate = self.objective(self.network, batch, self.state.step)
        if self.adversary:
            loss = loss + self.adversary.loss(estimate)
        if not torch.isfinite(loss):
            self._give_up(batch)
        self.accelerator.backward(loss)
        self.accelerator.clip_grad_norm_(self.network.parameters(), self.config.optimizer.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.average.update(self.bare)
        return float(loss.detach())

    def _after_step(self, loss: float, progress: float) -> None:
        self._note("loss", loss)
        now, settings = time.perf_counter(), self.config
        if self.validator and settings.validation.minutes and now - self._validated > 60 * settings.validation.minutes:
            self.validate()
        try:
            self.monitor.step(f"training, loss {loss:.4f}", round(1000 * progress), 1000)
        except Cancelled as error:
            self.save()
            raise Cancelled(f"Stopped after {self.state.step} steps; go on with --resume.") from error
        if now - self._saved > 60 * settings.optimizer.checkpoint_minutes:
            self.save()

    def _note(self, name: str, value: float) -> None:
        if self._log:
            self._log.scalar(name, value, self.state.step)

    def _give_up(self, batch: Batch) -> None:
        path = self.work / BROKEN
        torch.save({"inputs": batch.inputs, "target": batch.target, "step": self.state.step}, path)
        raise Diverged(
            f"The loss of step {self.state.step} is not a number; its batch is in {path}. Lower optimizer.rate and resume."
        )

    def validate(self) -> None:
        """Score the averaged weights and keep them if they are the best so far (on the first process only)."""
        self._validated = time.perf_counter()
        if not self.validator or not self.accelerator.is_main_process:
            return
        scores = self.validator(self.average.weights)
        self.state.validations.append({"step": self.state.step, **scores})
        for name, value in scores.items():
            self._note(f"validation/{name}", value)
        if self._log and self.validator.picture is not None:
            self._log.picture("validation", self.validator.picture, self.state.step)
        if scores["gain"] > self.state.best:
            self.state.best = scores["gain"]
            checkpoint.save(self.work / checkpoint.BEST, self.checkpoint())

    def save(self) -> None:
        """Write the checkpoint (on the first process only)."""
        self._saved = time.perf_counter()
        if self.accelerator.is_main_process:
            checkpoint.save(self.work / checkpoint.LAST, self.checkpoint())

    def checkpoint(self) -> dict[str, Any]:
        """All that the run needs to go on."""
        return {
            "network": self.bare.state_dict(),
            "average": self.average.state(),
            "optimizer": self.optimizer.state_dict(),
            "state": dict(vars(self.state)),
            "adversary": self.adversary.state() if self.adversary else None,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.bare.load_state_dict(state["network"])
        self.average.restore(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        self.state = State(**state["state"])
        if self.adversary and state.get("adversary"):
            self.adversary.restore(state["adversary"])


def keep_statistics(network: nn.Module) -> None:
    """Batch normalization as in use: by the statistics it has, which stay as they are."""
    for module in network.modules():
        if isinstance(module, nn.BatchNorm3d):
            module.eval()
