"""The training loop: accelerate for devices and precision, an averaged network, checkpoints, a time budget."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NoReturn, Protocol

import numpy as np
import torch
from accelerate import Accelerator
from accelerate.utils import reduce
from numpy.typing import NDArray
from torch import Tensor, nn

from ..errors import Cancelled, ConfigError, MrisrError
from ..image.replacement import replacing
from ..progress import DETAIL, Monitor
from . import checkpoint
from .adversary import Adversary
from .average import Average
from .config import Config
from .data.feed import Batch, Feed
from .logbook import Logbook
from .objective import Objective
from .schedule import Schedule
from .state import State

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
        self.config, self.work, self.monitor, self.accelerator, self.feed = (
            config,
            work,
            monitor,
            accelerator,
            feed,
        )
        settings = config.optimizer
        network = network.to(accelerator.device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        optimizer = torch.optim.AdamW(
            network.parameters(),
            settings.rate,
            (0.9, 0.99),
            weight_decay=settings.weight_decay,
            fused=accelerator.device.type == "cuda",
        )
        self.network, self.optimizer = accelerator.prepare(network, optimizer)
        self.average = Average(self.bare, settings.ema)
        self.objective = objective
        self.adversary = (
            Adversary(config.adversary, config.seed, accelerator.device) if config.adversary else None
        )
        self.schedule = Schedule(settings.rate, settings.warmup, settings.steps, 60 * settings.budget_minutes)
        self.validator = validator
        self.state = State()
        self._saved = self._validated = time.perf_counter()
        self._stop = False
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
            while (progress := self._progress()) < 1:
                if self._stopping():
                    self._leave()
                if self.adversary:
                    self._note(
                        "critic", self.adversary.teach(self.network, batches, self.state.step, self._stopping)
                    )
                    if self._stopping():
                        self._leave()
                loss = self._step(next(batches), self.schedule.rate_at(progress, self.state.step))
                self.state.losses.append(loss)
                self.state.step += 1
                self.state.elapsed = time.perf_counter() - started
                self._after_step(loss, progress)
            with self._noticing_cancellation():
                self._report("training", 1.0)
            self.save()
            self.validate()
        if self._stopping():
            raise Cancelled(
                "Stopped in the last validation; the training itself is complete, and `mrisr export` can use it."
            )
        return self.state

    def _progress(self) -> float:
        """How far the first process is, so that all end at the same step."""
        mine = (
            self.schedule.progress(self.state.step, self.state.elapsed)
            if self.accelerator.is_main_process
            else 0.0
        )
        return self._sum(mine)

    def _stopping(self) -> bool:
        """Whether any process was asked to stop, so that none waits for one that has left."""
        try:
            self.monitor.cancel.check()
        except Cancelled:
            self._stop = True
        return self._sum(float(self._stop)) > 0

    def _sum(self, value: float) -> float:
        """Over the processes."""
        if self.accelerator.num_processes == 1:
            return value
        return float(reduce(torch.tensor(value, dtype=torch.float64, device=self.accelerator.device), "sum"))

    def _leave(self) -> NoReturn:
        self.save()
        raise Cancelled(f"Stopped after {self.state.step} steps; go on with --resume.")

    def _step(self, batch: Batch, rate: float) -> float:
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        loss, estimate = self.objective(self.network, batch, self.state.step)
        if self.adversary:
            loss = loss + self.adversary.loss(estimate)
        if self._sum(float(not torch.isfinite(loss))):
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
        with self._noticing_cancellation():
            self._report(f"training{DETAIL}loss {loss:.4f}", progress)
        if now - self._saved > 60 * settings.optimizer.checkpoint_minutes:
            self.save()
        if settings.validation.minutes and now - self._validated > 60 * settings.validation.minutes:
            self.validate()

    def _report(self, stage: str, progress: float) -> None:
        if self.accelerator.is_main_process:
            self.monitor.step(stage, round(1000 * progress), 1000)

    @contextmanager
    def _noticing_cancellation(self) -> Iterator[None]:
        """Remembers it, for all processes to act on at the same step."""
        try:
            yield
        except Cancelled:
            self._stop = True

    def _note(self, name: str, value: float) -> None:
        if self._log:
            self._log.scalar(name, value, self.state.step)

    def _give_up(self, batch: Batch) -> None:
        path = self.work / BROKEN
        if self.accelerator.num_processes > 1:
            path = path.with_stem(f"{path.stem}_{self.accelerator.process_index}")
        with replacing(path) as partial:
            torch.save({"inputs": batch.inputs, "target": batch.target, "step": self.state.step}, partial)
        saved = (self.work / checkpoint.LAST).exists()
        further = "go on from the last checkpoint with --resume" if saved else "start again"
        raise Diverged(
            f"The loss of step {self.state.step} is not a number; its batch is in {path}. Lower optimizer.rate and {further}."
        )

    def validate(self) -> None:
        """Score the averaged weights and keep them if they are the best so far (on the first process only)."""
        self._validated = time.perf_counter()
        if self.validator and self.accelerator.is_main_process:
            with self._noticing_cancellation():
                self._take(self.validator(self.average.weights))

    def _take(self, scores: dict[str, float]) -> None:
        self.state.validations.append({"step": self.state.step, **scores})
        for name, value in scores.items():
            self._note(f"validation/{name}", value)
        if self._log and self.validator and self.validator.picture is not None:
            self._log.picture("validation", self.validator.picture, self.state.step)
        if scores["gain"] > self.state.best:
            self.state.best = scores["gain"]
            checkpoint.save(self.work / checkpoint.BEST, self.checkpoint())
        self.save()  # so that a run that goes on from here knows its best

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
        """Go on from a checkpoint.

        Raises:
            ConfigError: it is of another network.
        """
        try:
            self.bare.load_state_dict(state["network"])
        except RuntimeError as error:
            raise ConfigError(
                f"The checkpoint in {self.work} is of another network; resume with the configuration it was begun with, or choose "
                f"another folder with --work ({error})."
            ) from error
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
