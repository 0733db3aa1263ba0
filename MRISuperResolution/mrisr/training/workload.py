"""How much a model computes, from which its time on any machine follows; see `compute.probe`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import FlopCounterMode

from ..compute.device import Compute
from ..compute.strips import TileShape
from ..compute.tiling import Network, Tiles
from ..compute.winograd import is_worth
from ..errors import MrisrError
from ..evaluation.timing import example_for
from ..models.base import Context, Model
from ..physics.interpolation import interpolate
from ..pipeline.planning import plan
from ..progress import Monitor

SIDE = 24
"""Of the volume on which the networks are counted: a multiple of all their blocks. Per voxel they count the same on any."""


def work_per_voxel(model: Model) -> dict[str, int]:
    """What a model's networks compute for each voxel of its result, all of them tissue, in one tile; empty without a network.

    `multiply_adds` are those of the convolutions, `winograd` those among them that processors compute so (see `compute.winograd`), and
    `values` what all operations write. They are constants of the hyperparameters: of one
    pass over the axes, by the lowest factor that the model was trained for, with the steps that it takes unless somebody says otherwise.

    Args:
        model: of any family.
    """
    if model.card.sha256 is None:
        return {}
    counted = Counter[str]()
    try:
        _restore(model, counted)
    except MrisrError:  # a model that must be told more than its card says of how scans are made
        return {}
    return {name: round(counted[name]) for name in ("multiply_adds", "winograd", "values") if counted[name]}


@dataclass
class _CountingTiles(Tiles):
    """Counts what networks compute for a voxel, and answers with what lies outside; the same network again counts again."""

    counted: Counter[str] = field(default_factory=Counter)
    known: dict[str, Counter[str]] = field(default_factory=dict)

    def __call__(
        self,
        network: Network,
        inputs: Tensor | Sequence[Tensor],
        stage: str = "model",
        outside: Tensor | None = None,
    ) -> Tensor:
        """The volume itself, or `outside`."""
        shown = inputs if isinstance(inputs, Tensor) else torch.cat(list(inputs))
        if stage not in self.known:
            self.known[stage] = _counted(network, shown)
        self.counted.update(self.known[stage])
        return (shown[:1] if outside is None else outside).clone()


class _Written(TorchDispatchMode):  # type: ignore[no-untyped-call]
    """Counts the values of the tensors that operations write (views write none), and the multiply-adds that Winograd's filtering suits."""

    count, winograd = 0, 0

    def __torch_dispatch__(
        self, operation: Any, types: Any, inputs: tuple[Any, ...] = (), options: dict[str, Any] | None = None
    ) -> Any:
        answer = operation(*inputs, **(options or {}))
        if not operation.is_view:
            self.count += sum(each.numel() for each in tree_leaves(answer) if isinstance(each, Tensor))
        if (
            operation is torch.ops.aten.convolution.default
            and is_worth(inputs[1].shape)
            and set(inputs[3]) == {1}
        ):
            self.winograd += answer.numel() * inputs[1][0].numel()
        return answer


def _counted(network: Network, inputs: Tensor) -> Counter[str]:
    """What one call computes, for each voxel of (C, i, j, k)."""
    voxels = inputs[0].numel()
    written = _Written()  # type: ignore[no-untyped-call]
    with torch.no_grad(), written, FlopCounterMode(display=False) as counter:
        network(inputs[None])
    operations = counter.get_flop_counts().get("Global", {})
    flops = sum(count for operation, count in operations.items() if "convolution" in str(operation))
    counts = {"multiply_adds": flops / 2, "winograd": written.winograd, "values": written.count}
    return Counter({name: count / voxels for name, count in counts.items()})  # type: ignore[arg-type]


def _restore(model: Model, counted: Counter[str]) -> None:
    """Run the model once, by tiles that count."""
    scan, target = example_for(model.card, SIDE)
    planned = plan(scan.grid, target, None, model.card)
    shape = TileShape(**model.card.tile)
    tiles = _CountingTiles(torch.ones(target.shape, dtype=torch.bool), shape, Compute("cpu"), counted=counted)
    operator = planned.acquisition.operator(target, scan.grid)
    context = Context(
        acquisition=planned.acquisition,
        operator=operator,
        told=planned.acquisition,
        told_operator=operator,
        measured=torch.from_numpy(scan.array),
        factor=planned.factor,
        seed=0,
        monitor=Monitor(),
        tiles=tiles,
    )
    initial = interpolate(context.measured, scan.grid, target, model.card.initial)
    model.restore(initial, context)
