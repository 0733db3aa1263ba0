"""How many of a processor's threads a program takes, whichever of its libraries computes."""

from __future__ import annotations

import os
import sys

VARIABLES = (
    "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "VECLIB_MAXIMUM_THREADS", "NUMEXPR_NUM_THREADS",
    "ITK_GLOBAL_DEFAULT_NUMBER_OF_THREADS",
)  # fmt: skip
"""What the libraries read when they are loaded."""


PATIENCE = {"OPENBLAS_THREAD_TIMEOUT": "10", "GOMP_SPINCOUNT": "10000", "KMP_BLOCKTIME": "1"}
"""How long threads of OpenBLAS (a power of 2, in cycles), and of GNU's and LLVM's OpenMP (in rounds, in ms), look for work before they
sleep."""


def let_threads_sleep() -> None:
    """Let threads without work sleep soon, in this process and those it starts; before NumPy and torch are imported.

    OpenBLAS's own look for work for some 20 ms after each product, on the cores on which torch's threads compute meanwhile. Torch's wait
    for each other so; where another program has one of the cores, that takes most of the time. What the environment says already stays.
    """
    for name, patience in PATIENCE.items():
        os.environ.setdefault(name, patience)


def limit_threads(count: int) -> None:
    """Let this process, and those it starts, compute on so many threads; at best before NumPy is imported, which asks only then.

    Args:
        count: 1 or more.

    Example:
        >>> limit_threads(2)
        >>> os.environ["OMP_NUM_THREADS"]
        '2'
    """
    os.environ.update(dict.fromkeys(VARIABLES, str(count)))
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(count)
