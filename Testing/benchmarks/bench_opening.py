"""How long a user waits for the panel, in processor seconds."""

from collections.abc import Iterator

from benchmarks import Finding
from gui.opening import openModule

TRIES = 3
LIMIT_S = 0.3


def measure() -> Iterator[Finding]:
    yield Finding(
        f"opening the module, best of {TRIES}",
        min(openModule().seconds for _ in range(TRIES)),
        "s",
        ceiling=LIMIT_S,
    )
