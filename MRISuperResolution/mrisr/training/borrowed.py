"""A training on a borrowed computer: it has torch and Pillow, and some minutes.

What it writes is a run's folder, in pieces that any way of bringing files back takes; `mrisr export` makes a model of it at home.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from ..compute.device import Compute, resolve
from ..errors import ConfigError
from ..neural.networks import begin_with, build_network
from ..progress import DETAIL, Monitor
from . import checkpoint
from .average import Average
from .bundle import Bundle, read_bundle
from .config import Config
from .data.device import Draws, Maker
from .data.feed import Feed
from .data.patches import ChunkDataset
from .gains import gains_of, gains_table
from .losses.sum import Sum
from .objective import inner, inputs_of
from .options import Options
from .record import RUN
from .schedule import Schedule

TABLE = "gains.md"

AHEAD = 4
"""Processes that draw ahead where a graphics card makes the pairs."""

LOOKED = 50
"""Steps between looks at the loss: each look waits for the card."""

SPARE_S = 5.0
"""For writing what was learned, beside the time that the first validation took."""


def train_borrowed(folder: Path, options: Options, seconds: float, monitor: Monitor) -> Path:
    """Train a bundle for so long at most, all that belongs to it included; the run's folder.

    Args:
        folder: of the bundle.
        options: device, precision, where to work, and whether to go on.
        seconds: from now.
        monitor: told of progress, asked whether to stop: what was learned is written then, too.

    Raises:
        MrisrError: the bundle cannot be used.
    """
    started = time.perf_counter()
    bundle = read_bundle(folder)
    work = options.work or Path("runs") / bundle.table["name"]
    if not options.resume and checkpoint.exists(work / checkpoint.LAST):
        raise ConfigError(
            f"{work} holds a training; go on with --resume, or choose another folder with --work."
        )
    sitting = Sitting(bundle, options, monitor)
    if options.resume and checkpoint.exists(work / checkpoint.LAST):
        sitting.restore(checkpoint.load(work / checkpoint.LAST))
    work.mkdir(parents=True, exist_ok=True)
    sitting.validate()
    spare = SPARE_S + 1.5 * (time.perf_counter() - started - sitting.prepared)
    sitting.run(started + seconds - min(spare, 0.5 * seconds))
    sitting.validate()
    checkpoint.save_pieces(work / checkpoint.LAST, sitting.state())
    (work / RUN).write_text(json.dumps(sitting.record(), indent=1) + "\n", encoding="utf-8")
    text = gains_table(sitting.validations)
    (work / TABLE).write_text(text, encoding="utf-8")
    monitor.log(text)
    return work


class Sitting:
    """A training while it runs.

    Args:
        bundle: what is trained.
        options: device and precision.
        monitor: told of progress, asked whether to stop.
    """

    def __init__(self, bundle: Bundle, options: Options, monitor: Monitor) -> None:
        began = time.perf_counter()
        self.bundle, self.monitor = bundle, monitor
        self.config = config = Config.of(bundle.table)
        self.compute = resolve(options.device, options.precision)
        torch.manual_seed(config.seed)
        network = build_network(config.family, config.network)
        if bundle.start is not None:
            begin_with(network, torch.load(bundle.start, map_location="cpu", weights_only=True))
        self.network = network.to(self.compute.device, memory_format=torch.channels_last_3d)  # type: ignore[call-overload]
        self.optimizer = torch.optim.AdamW(
            self.network.parameters(),
            config.optimizer.rate,
            (0.9, 0.99),
            weight_decay=config.optimizer.weight_decay,
            fused=self.compute.device == "cuda",
        )
        self.average = Average(self.network, config.optimizer.ema)
        self.criterion = Sum(config.losses, config.loss_options).to(self.compute.device)
        self.dataset = ChunkDataset.of(config, bundle.scans, inputs_of(config))
        self.step, self.elapsed = 0, 0.0
        self.losses: list[float] = []
        self.validations: list[dict[str, Any]] = []
        self.prepared = time.perf_counter() - began

    def run(self, until: float) -> None:
        """Train until then, by `time.perf_counter`, or until somebody asks to stop; one step at least."""
        config, began = self.config, time.perf_counter()
        schedule = Schedule(config.optimizer.rate, 0.0, 0, self.elapsed + until - began)
        stop = _Stop(self.monitor)
        before = self.elapsed
        self.network.train()
        for batch in self._feed().batches(self.step):
            self.elapsed = before + time.perf_counter() - began
            progress = schedule.progress(0, self.elapsed)
            for group in self.optimizer.param_groups:
                group["lr"] = schedule.rate_at(progress, self.step)
            loss = self._learn(batch.inputs, batch.target)
            self.step += 1
            if self.step % LOOKED == 1:
                self._look(loss)
            if time.perf_counter() >= until or stop(f"training{DETAIL}step {self.step}", progress):
                break

    def _feed(self) -> Feed:
        config, on_card = self.config, self.compute.device != "cpu"
        return Feed(
            Draws(self.dataset),
            chunk=config.patches.chunk,
            batch=config.optimizer.batch,
            inputs=self.dataset.inputs,
            workers=AHEAD if on_card else 0,
            make=Maker(self.dataset, self.compute.device),
        )

    def _learn(self, inputs: Tensor, target: Tensor) -> Tensor:
        with _reduced(self.compute):
            estimate = self.network(inputs)
        margin = self.config.loss_margin
        loss: Tensor = self.criterion(inner(estimate.float(), margin), inner(target, margin))
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self.network.parameters(), self.config.optimizer.clip)
        self.optimizer.step()
        self.optimizer.zero_grad()
        self.average.update(self.network)
        return loss.detach()

    def _look(self, loss: Tensor) -> None:
        self.losses.append(float(loss))
        if not torch.isfinite(loss):
            raise ConfigError(
                f"The loss of step {self.step} is not a number; lower optimizer.rate and start again."
            )

    def validate(self) -> None:
        """The gains of the averaged weights on the bundle's boxes."""
        own = {name: weight.clone() for name, weight in self.network.state_dict().items()}
        self.network.load_state_dict(self.average.weights)
        self.network.eval()
        with _reduced(self.compute):
            found = gains_of(self.network, self.config, self.bundle.held, self.compute.device)
        self.network.load_state_dict(own)
        self.validations.append({"step": self.step, **found})

    def state(self) -> dict[str, Any]:
        """As a run's checkpoint, so that it can be gone on from and exported."""
        return {
            "network": self.network.state_dict(),
            "average": self.average.state(),
            "optimizer": self.optimizer.state_dict(),
            "state": {
                "step": self.step,
                "elapsed": self.elapsed,
                "losses": self.losses,
                "validations": self.validations,
                "best": 0.0,
            },
            "adversary": None,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a checkpoint."""
        self.network.load_state_dict(state["network"])
        self.average.restore(state["average"])
        self.optimizer.load_state_dict(state["optimizer"])
        kept = state["state"]
        self.step, self.elapsed = int(kept["step"]), float(kept["elapsed"])
        self.losses, self.validations = list(kept["losses"]), list(kept["validations"])

    def record(self) -> dict[str, Any]:
        """What whoever makes a model of the run has to know."""
        return {
            "config": self.bundle.table,
            "recipe": self.bundle.recipe,
            "scans": [scan.name for scan in self.bundle.scans],
            "root": self.bundle.root,
            "held": self.bundle.held_paths,
            "factor": None,
            "held_pairs": [],
            "machine": f"{self.compute.name}, {self.compute.precision}",
        }


class _Stop:
    """Tells of progress, and whether somebody asked to stop."""

    def __init__(self, monitor: Monitor) -> None:
        self.monitor = monitor

    def __call__(self, stage: str, progress: float) -> bool:
        from ..errors import Cancelled

        try:
            self.monitor.step(stage, round(1000 * progress), 1000)
            self.monitor.cancel.check()
        except Cancelled:
            return True
        return False


def _reduced(compute: Compute) -> torch.autocast:
    return torch.autocast(compute.device, compute.dtype, enabled=compute.precision != "fp32")
