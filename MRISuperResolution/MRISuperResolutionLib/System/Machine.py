"""What this computer has, and what was measured on it."""

import os
import sys
from dataclasses import fields

import qt

from mrisr.compute.probe import Pace

RATE_KEY = "MRISuperResolution/SecondsPerMegavoxel/"
DEVICE_KEY = "MRISuperResolution/AutomaticDevice"
PRECISION_KEY = "MRISuperResolution/AutomaticPrecision/"
PACE_KEY = "MRISuperResolution/Pace/"


def totalMemory() -> int | None:
    """Bytes of physical memory; None if the system does not say."""
    if sys.platform == "win32":
        return _windowsMemory()
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):
        return None


def automaticDevice() -> str:
    """The device that ``auto`` chose in the last run here; the processor until there was one."""
    return qt.QSettings().value(DEVICE_KEY, "cpu")


def measuredRate(model: str, device: str) -> float | None:
    """Seconds per megavoxel of output in the last run of this model on this device, if there was one."""
    rate = qt.QSettings().value(f"{RATE_KEY}{model}/{device}", None)
    return None if rate is None else float(rate)


def automaticPrecision(device: str) -> str:
    """The precision that ``auto`` means on this device, as a worker has told; single until one has."""
    return qt.QSettings().value(f"{PRECISION_KEY}{device}", "fp32")


def probedPace(device: str, precision: str) -> Pace | None:
    """How fast this device is in this precision, as a worker has probed it here; None until one has.

    The probe needs torch, which Slicer's own process may not have, so that workers make it.
    """
    rates = [
        qt.QSettings().value(f"{PACE_KEY}{device}/{precision}/{each.name}", None) for each in fields(Pace)
    ]
    return None if None in rates else Pace(*map(float, rates))


def rememberPace(event: dict) -> None:
    """Keep what a worker tells of this computer, see ``mrisr.jobs.machine``."""
    settings = qt.QSettings()
    device = event["device"]
    settings.setValue(f"{PRECISION_KEY}{device}", event["automatic"])
    for each in fields(Pace):
        settings.setValue(f"{PACE_KEY}{device}/{event['precision']}/{each.name}", event[each.name])


ENOUGH_MEGAVOXELS = 1.0
"""A smaller run says more of how long Python takes to start than of the model."""


def remember(model: str, requested: str, device: str, seconds: float, megavoxels: float) -> None:
    """Keep what a run has shown, for the next estimate; of a small run no more than the device."""
    settings = qt.QSettings()
    if requested == "auto":
        settings.setValue(DEVICE_KEY, device)
    if megavoxels >= ENOUGH_MEGAVOXELS:
        settings.setValue(f"{RATE_KEY}{model}/{device}", seconds / megavoxels)


def _windowsMemory() -> int | None:
    import ctypes

    class Status(ctypes.Structure):
        _fields_ = [("length", ctypes.c_ulong), ("load", ctypes.c_ulong)] + [
            (name, ctypes.c_ulonglong)
            for name in ("total", "free", "pageTotal", "pageFree", "space", "spaceFree", "x")
        ]

    status = Status(length=ctypes.sizeof(Status))
    return status.total if ctypes.windll.kernel32.GlobalMemoryStatusEx(ctypes.byref(status)) else None  # type: ignore[attr-defined]
