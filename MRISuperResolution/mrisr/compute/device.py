"""Where the arithmetic happens and in which precision."""

from __future__ import annotations

import math
import platform
import re
from dataclasses import dataclass, field, replace
from functools import cache
from typing import TYPE_CHECKING

from ..errors import DeviceError
from ..image.memory import free_memory
from ..packages import NETWORKS, needed_for
from .heap import give_back

if TYPE_CHECKING:
    import torch

DEVICES = ("auto", "cpu", "cuda", "mps")
PRECISIONS = ("auto", "fp32", "bf16", "fp16")


@dataclass(frozen=True)
class Compute:
    """A device and the precision of the convolutions on it.

    Args:
        device: `cpu`, `cuda`, `cuda:1` and so on, or `mps`.
        precision: `fp32`, `bf16` or `fp16`.
        note: why it is not the device one would expect, for the user; empty if it is.
    """

    device: str = "cpu"
    precision: str = "fp32"
    note: str = field(default="", compare=False)

    @property
    def dtype(self) -> torch.dtype:
        """The precision as torch calls it."""
        import torch

        return {"fp32": torch.float32, "bf16": torch.bfloat16, "fp16": torch.float16}[self.precision]

    @property
    def kind(self) -> str:
        """`cpu`, `cuda` or `mps`."""
        return kind_of(self.device)

    @property
    def name(self) -> str:
        """The device's name for people."""
        if self.kind == "cuda":
            import torch

            return str(torch.cuda.get_device_name(self.device))
        return platform.processor() or platform.machine()

    @property
    def slow(self) -> bool:
        """Whether a network takes so long on it that its user wants to see how far it is: on a CPU."""
        return self.device.startswith("cpu")

    def in_full_precision(self) -> Compute:
        """The same device at fp32."""
        return replace(self, precision="fp32")

    def free_memory(self, wanted: float = math.inf) -> int | None:
        """Bytes that can still be allocated, as far as can be told.

        Args:
            wanted: more than this need not be known: what this process only holds for its next volumes is left to it then.
        """
        if self.kind == "cuda":
            import torch

            # What torch keeps for itself since the last scan is free for the next.
            return (
                int(torch.cuda.mem_get_info(self.device)[0])
                + torch.cuda.memory_reserved(self.device)
                - torch.cuda.memory_allocated(self.device)
            )
        free = free_memory()
        if free is not None and free >= wanted:
            return free
        give_back()
        return free_memory()


def kind_of(device: str) -> str:
    """What a device is, whichever of several it is.

    Example:
        >>> kind_of("cuda:1")
        'cuda'
    """
    return device.partition(":")[0]


def is_device(text: str) -> bool:
    """Whether a text names a device, here or elsewhere: one of `DEVICES`, or one of several graphics cards, counted from 0.

    Example:
        >>> is_device("cuda:1"), is_device("cpu:1")
        (True, False)
    """
    return text in DEVICES or re.fullmatch(r"cuda:\d{1,3}", text) is not None


def available() -> list[str]:
    """The kinds of devices of this machine, best first.

    Raises:
        DeviceError: torch is not installed.
    """
    with needed_for("A network", DeviceError, NETWORKS):
        import torch

    found = ["cuda"] if torch.cuda.is_available() else []
    found += ["mps"] if torch.backends.mps.is_available() else []
    return [*found, "cpu"]


def resolve(device: str = "auto", precision: str = "auto") -> Compute:
    """The device and precision asked for; `auto` takes cuda, mps, cpu in this order, and bf16 where the hardware has it.

    A device that computes something else than the CPU does, or nothing, is not used: drivers and torch's own kernels have failed so,
    with an error or with wrong numbers.

    Raises:
        DeviceError: no such device here, one that fails, or no such precision on it, if only because its hardware lacks it.
    """
    if not is_device(device) or precision not in PRECISIONS:
        raise DeviceError(
            f"Choose a device of {', '.join(DEVICES)} or cuda:N, and a precision of {', '.join(PRECISIONS)}."
        )
    found = available()
    check_there(device)
    if device != "auto" and (flaw := flaw_of(device)):
        raise DeviceError(
            f"The device {device} cannot be used ({flaw}); choose cpu, or update its driver and torch."
        )
    chosen = next(name for name in found if not flaw_of(name)) if device == "auto" else device
    passed = found[: found.index(chosen)] if device == "auto" else []
    note = " ".join(f"The device {name} is not used ({flaw_of(name)})." for name in passed)
    if precision == "auto":
        return Compute(chosen, "bf16" if _has_bf16(chosen) else "fp32", note)
    if precision == "fp16" and chosen == "cpu":
        raise DeviceError("fp16 is slower than fp32 on a CPU; choose bf16, fp32 or auto.")
    if precision == "bf16" and chosen == "cpu" and not _has_bf16(chosen):
        raise DeviceError(
            "This processor has no bf16 arithmetic; emulated it takes tens of times longer than fp32. Choose fp32 or auto."
        )
    return Compute(chosen, precision, note)


def check_there(device: str) -> None:
    """Raise `DeviceError` unless this machine has the device that is asked for; nothing is computed on it."""
    if device in ("auto", "cpu"):
        return
    if kind_of(device) not in (found := available()):
        raise DeviceError(
            f"This machine offers {', '.join(found)} but not {device}; choose one of them or auto."
        )
    if ":" in device and int(device.partition(":")[2]) >= (count := _card_count()):
        raise DeviceError(
            f"This machine has no {device}, for its graphics cards are numbered cuda:0 to cuda:{count - 1}; choose one of them or auto."
        )


@cache
def flaw_of(device: str) -> str | None:
    """What is wrong with a device: a small convolution fails on it, or differs from the CPU's. None for one that works."""
    import torch

    if device == "cpu":
        return None
    random = torch.Generator().manual_seed(0)
    scan = torch.randn(1, 8, 8, 8, 8, generator=random)
    weights = torch.randn(8, 8, 3, 3, 3, generator=random)
    expected = torch.nn.functional.conv3d(scan, weights, padding=1)
    try:
        there = scan.to(device, memory_format=torch.channels_last_3d)
        answer = torch.nn.functional.conv3d(
            there, weights.to(device, memory_format=torch.channels_last_3d), padding=1
        ).cpu()
    except (RuntimeError, TypeError) as error:
        return str(error).splitlines()[0]
    # Devices round as they like, tensor cores to three digits: an error is larger.
    return (
        None
        if torch.allclose(answer, expected, atol=0.02 * float(expected.std()))
        else "it computes wrong numbers"
    )


def _card_count() -> int:
    import torch

    return torch.cuda.device_count()


def _has_bf16(device: str) -> bool:
    """Whether bf16 arithmetic is in the hardware, rather than emulated."""
    import torch

    if kind_of(device) == "cuda":
        with torch.cuda.device(device):  # type: ignore[no-untyped-call]
            return bool(torch.cuda.is_bf16_supported(including_emulation=False))
    if device != "cpu" or not torch.backends.mkldnn.is_available():  # type: ignore[no-untyped-call]
        return False
    # torch asks the processor only in functions it keeps to itself, which not every build has.
    probes = ("_is_avx512_bf16_supported", "_is_amx_tile_supported")
    return any(bool(getattr(torch.cpu, probe, lambda: False)()) for probe in probes)
