"""Several networks of one kind, each for its own range of lost resolution."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

EXPERTS = "experts."
"""What the names of an expert's tensors begin with."""


class Experts(nn.Module):
    """Hands each volume to the network that was trained for what its scan has lost, as the volume's planes tell.

    A network that must serve scans that kept half of k-space and scans that kept a fifth is worse at either than one of its own for
    each, and which one is wanted is known beforehand. The cost of using it is that of one network.

    Args:
        networks: one more than there are bounds; the first is for the scans that lost least.
        bounds: the resolution lost along the first axis, see `factor_planes`, beyond which the next network serves; rising.
        plane: the input channel that tells it, as a logarithm to base 2.
    """

    def __init__(self, networks: Sequence[nn.Module], bounds: Sequence[float], plane: int) -> None:
        super().__init__()
        self.experts = nn.ModuleList(networks)
        self.plane = plane
        self.register_buffer("bounds", torch.tensor(bounds, dtype=torch.float32).log2(), persistent=False)

    @property
    def halo(self) -> int:
        """Voxels on each side that an output voxel depends on."""
        return max(int(expert.halo) for expert in self.experts)  # type: ignore[arg-type]

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, i, j, k) to (N, 1, i, j, k)."""
        lost = x[:, self.plane, 0, 0, 0].float().contiguous()
        chosen = torch.bucketize(lost, self.get_buffer("bounds")).tolist()
        if len(set(chosen)) == 1:
            answer: Tensor = self.experts[chosen[0]](x)
            return answer
        return torch.cat([self.experts[n](x[row : row + 1]) for row, n in enumerate(chosen)])


def as_expert(weights: Mapping[str, Tensor], number: int) -> dict[str, Tensor]:
    """The weights of one network as those of expert `number`."""
    return {f"{EXPERTS}{number}.{name}": weight for name, weight in weights.items()}
