"""Batches for a training, from chunks that worker processes make ahead."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Any

import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset

from ...interruption import SIGNALS
from ...neural.conditioning import Inputs
from .patches import Chunk, ChunkNumbers


@dataclass(frozen=True, eq=False)
class Batch:
    """What one step takes.

    Args:
        inputs: (N, 1 + planes, i, j, k), the initial estimate and what the network is told about the acquisition.
        target: (N, 1, i, j, k).
        answers: (N, 4), the logarithms (base 2) of the resolution lost along the axes, and the noise in percent of the peak.
    """

    inputs: Tensor
    target: Tensor
    answers: Tensor


def _as_it_is(chunk: Chunk) -> Chunk:
    return chunk


@dataclass(frozen=True)
class Feed:
    """Batches from step number `first` on, without end; the same for the same step whatever came before.

    Each batch takes one patch from each of `batch` chunks, so that its patches are of different scans and degradations.

    Args:
        dataset: of chunks, or of what `make` makes them of, each of `chunk` patches.
        chunk, batch: patches in a chunk, and in a batch.
        inputs: how what the network is shown comes about.
        workers: processes that make chunks; 0 for this one.
        rank, world: of how many training processes this is which.
        make: makes a chunk, in this process, of what the dataset gives.
    """

    dataset: Dataset[Any]
    chunk: int
    batch: int
    inputs: Inputs
    workers: int = 1
    rank: int = 0
    world: int = 1
    make: Callable[[Any], Chunk] = _as_it_is

    def batches(self, first: int = 0) -> Iterator[Batch]:
        """The batches from step number `first` on."""
        group, skipped = divmod(first, self.chunk)
        numbers = ChunkNumbers((group * self.world + self.rank) * self.batch, self.batch, self.world)
        loader = DataLoader(
            self.dataset,
            batch_size=None,
            sampler=numbers,  # type: ignore[arg-type]  # any iterable of indices will do
            num_workers=self.workers,
            worker_init_fn=_quiet if self.workers else None,
            prefetch_factor=2 * self.batch if self.workers else None,
        )
        chunks = iter(loader)
        while True:
            several = [self.make(each) for each in islice(chunks, self.batch)]
            for number in range(skipped, self.chunk):
                yield self._batch(several, number)
            skipped = 0

    def sample(self) -> Batch:
        """A batch of one patch, made in this process, where a mistake ends in a sentence instead of a worker's traceback."""
        return self._batch([self.make(self.dataset[0])], 0)

    def _batch(self, chunks: Sequence[Chunk], number: int) -> Batch:
        inputs = []
        for chunk in chunks:
            initial = chunk.initial[number]
            start = chunk.starts[number].tolist()
            inputs.append(self.inputs.shown(initial, chunk.lost.tolist(), start, profiles=chunk.profiles))
        answers = [torch.cat([chunk.lost.log2(), torch.tensor([100 * chunk.noise])]) for chunk in chunks]
        return Batch(
            torch.stack(inputs), torch.stack([chunk.target[number] for chunk in chunks]), torch.stack(answers)
        )


def _quiet(_worker: int) -> None:
    """One thread; deaf to signals, which may reach the whole group: the training stops after its step, and its workers with it."""
    torch.set_num_threads(1)
    for number in SIGNALS:
        signal.signal(number, signal.SIG_IGN)
