"""3×3×3 convolutions with half of the multiplications, on processors in full precision.

Winograd's F(4, 3) along the first axis, whose planes lie behind each other in memory (Lavin & Gray 2016, arXiv 1509.09308): six planes of
the input, combined in six ways, give four planes of the output by six convolutions within planes, instead of twelve. oneDNN has this for
two dimensions only, and not for every processor. Rounding differs by some 1e-6 of the largest value, as between two processors.
"""

from __future__ import annotations

from collections.abc import Sequence
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn import functional

PLANES, KERNEL = 4, 3
"""Planes of the output that are made at once, and taps along an axis."""

READ = PLANES + KERNEL - 1

TILE = 16384
"""Voxels of planes that are made at once: enough for cores that other programs use as well, few enough to stay in a processor's cache."""

CHANNELS = 48
"""With fewer, combining planes takes as long as the multiplications that are saved."""

SMALLEST = 10**3
"""With fewer voxels, combining the weights does."""

_INPUT = (
    (4, 0, -5, 0, 1, 0),
    (0, -4, -4, 1, 1, 0),
    (0, 4, -4, -1, 1, 0),
    (0, -2, -1, 2, 1, 0),
    (0, 2, -1, -2, 1, 0),
    (0, 4, 0, -5, 0, 1),
)
_WEIGHTS = (
    (1 / 4, 0, 0),
    (-1 / 6, -1 / 6, -1 / 6),
    (-1 / 6, 1 / 6, -1 / 6),
    (1 / 24, 1 / 12, 1 / 6),
    (1 / 24, -1 / 12, 1 / 6),
    (0, 0, 1),
)


_KEPT: WeakKeyDictionary[nn.Conv3d, tuple[tuple[int, int], Winograd]] = WeakKeyDictionary()
"""By convolution, with the place and the version of its weights."""


def is_worth(weight: Sequence[int]) -> bool:
    """Whether convolutions with weights of this shape, (c, C, i, j, k), take less time so.

    Example:
        >>> is_worth((64, 64, 3, 3, 3)), is_worth((64, 8, 3, 3, 3))
        (True, False)
    """
    return tuple(weight[2:]) == (KERNEL,) * 3 and min(weight[:2]) >= CHANNELS


def suits(convolution: nn.Conv3d, x: Tensor) -> bool:
    """Whether `Winograd` computes what this convolution makes of `x`, and sooner.

    Args:
        convolution: with zeros beyond the ends.
        x: (1, C, i, j, k).
    """
    return (
        x.device.type == "cpu"
        and x.dtype == convolution.weight.dtype == torch.float32
        and not torch.is_autocast_enabled("cpu")
        and not torch.is_grad_enabled()
        and torch.backends.mkldnn.is_available()  # type: ignore[no-untyped-call]
        and len(x) == convolution.groups == 1
        and is_worth(convolution.weight.shape)
        and x[0, 0].numel() >= SMALLEST
    )


class Winograd:
    """A convolution that is computed so.

    Args:
        convolution: for which `suits` holds.

    Example:
        >>> layer = nn.Conv3d(48, 48, 3, padding=1).requires_grad_(False)
        >>> x = torch.rand(1, 48, 10, 8, 8)
        >>> answer = torch.empty(1, 48, 8, 8, 8).to(memory_format=torch.channels_last_3d)
        >>> Winograd(layer)(x, answer)
        >>> torch.allclose(answer, layer(x)[:, :, 1:-1], atol=1e-4)
        True
    """

    def __init__(self, convolution: nn.Conv3d) -> None:
        weight = convolution.weight.detach().movedim(2, 0)
        parts = torch.mm(torch.tensor(_WEIGHTS, dtype=torch.float64), weight.reshape(KERNEL, -1).double())
        self._weights = [
            part.view(weight.shape[1:]).float().contiguous(memory_format=torch.channels_last)
            for part in parts
        ]
        self._bias = convolution.bias
        self._channels = convolution.out_channels
        self._input = torch.tensor(_INPUT, dtype=torch.float32)

    @classmethod
    def of(cls, convolution: nn.Conv3d) -> Winograd:
        """The same, kept for as long as the convolution and its weights are what they were: a network has many windows."""
        state = (convolution.weight.data_ptr(), convolution.weight._version)
        if (kept := _KEPT.get(convolution)) is None or kept[0] != state:
            kept = _KEPT[convolution] = (state, cls(convolution))
        return kept[1]

    @staticmethod
    def rows(x: Tensor) -> int:
        """How many planes of the answer are best made at once, for (1, C, i, j, k)."""
        return PLANES * max(1, TILE // (x.shape[3] * x.shape[4]))

    def __call__(self, x: Tensor, answer: Tensor) -> None:
        """Convolve, zeros beyond the ends of the second and third axis.

        Args:
            x: (1, C, i + 2, j, k).
            answer: (1, c, i, j, k) with the channels last in memory, to be filled.
        """
        planes, made = (_planes(volume) for volume in (x, answer))
        whole = len(made) // PLANES * PLANES
        if whole:
            self._fill(planes[: whole + KERNEL - 1], made[:whole])
        if whole < len(made):
            rest = functional.pad(planes[whole:], (0, 0, 0, 0, 0, 0, 0, whole + PLANES - len(made)))
            last = made.new_empty(PLANES, *made.shape[1:])
            self._fill(rest, last)
            made[whole:] = last[: len(made) - whole]

    def _fill(self, planes: Tensor, made: Tensor) -> None:
        """(4 n + 2, j, k, C) to (4 n, j, k, c)."""
        sixes = planes.flatten(1).unfold(0, READ, PLANES).transpose(1, 2)
        combined = torch.matmul(self._input, sixes).view(-1, READ, *planes.shape[1:])
        # What is added to the second reaches all four planes once: so does the bias.
        biases = [None, self._bias, None, None, None, None]
        a, b, c, d, e, f = (
            functional.conv2d(each.permute(0, 3, 1, 2), weights, bias, padding=1).permute(0, 2, 3, 1)
            for each, weights, bias in zip(combined.unbind(1), self._weights, biases, strict=True)
        )
        near, near_odd, far, far_odd = b + c, b.sub_(c), d + e, d.sub_(e)
        fours = made.view(-1, PLANES, *made.shape[1:])
        torch.add(near, far, out=fours[:, 0]).add_(a)
        torch.add(near_odd, far_odd, alpha=2, out=fours[:, 1])
        torch.add(near, far, alpha=4, out=fours[:, 2])
        torch.add(near_odd, far_odd, alpha=8, out=fours[:, 3]).add_(f)


def _planes(x: Tensor) -> Tensor:
    """(1, C, i, j, k) as (i, j, k, C); a view where the channels are last in memory."""
    return x.contiguous(memory_format=torch.channels_last_3d)[0].permute(1, 2, 3, 0)
