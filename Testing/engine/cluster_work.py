"""What workers are given in tests. They import it by its name."""

import os
import signal
import time
from pathlib import Path

from mrisr.errors import FileError, InputError, OutOfMemory
from mrisr.image.memory import BOUND
from mrisr.models.catalog import load_model
from mrisr.models.kept import KEPT


def do(item, monitor):
    """Act as the item says."""
    kind, *more = item.split("|")
    return ACTIONS[kind](monitor, *more)


def square(_monitor, text):
    return int(text) ** 2


def refuse(_monitor, name):
    raise InputError(f"{name} is refused.")


def break_down(_monitor, name):
    raise ZeroDivisionError(f"no number in {name}")


def die(_monitor):
    os.kill(
        os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM)
    )  # which on Windows ends a process as well


def fail_at_first(_monitor, kind, log):
    """The log gets a line at each call."""
    with Path(log).open("a", encoding="utf-8") as file:
        file.write(f"{kind}\n")
    if Path(log).read_text(encoding="utf-8").count(kind) == 1:
        raise {"file": FileError, "memory": OutOfMemory}[kind]("The first time it fails.")
    return kind


def note(_monitor, name, log):
    with Path(log).open("a", encoding="utf-8") as file:
        file.write(f"{name}\n")
    return name


def settings(_monitor):
    import torch

    return os.getpid(), torch.get_num_threads(), os.environ["OMP_NUM_THREADS"], KEPT.most, BOUND.bytes


def model(_monitor, name):
    return os.getpid(), id(load_model(name))


def wait(monitor, folder):
    """For ever, but for a stop; the folder gets a file when it begins and another one when it ends."""
    Path(folder, f"begun-{os.getpid()}").touch()
    try:
        while True:
            monitor.cancel.check()
            time.sleep(0.02)
    finally:
        Path(folder, f"ended-{os.getpid()}").touch()


ACTIONS = {
    each.__name__: each
    for each in (square, refuse, break_down, die, fail_at_first, note, settings, model, wait)
}
