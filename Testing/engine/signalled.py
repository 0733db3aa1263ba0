"""Programs that get a signal at a random moment: `python -m engine.signalled FOLDER COUNT` prints a JSON list of what became of each.

One process imports everything, and forks for each program; FOLDER holds `scan.nii.gz`, the recipe `tiny.toml` and its scans. What is done
does not end, but waits for the signal, so that none comes too late.
"""

import gc
import importlib
import json
import os
import random
import signal
import sys
import time
from pathlib import Path

from gui.forking_worker import importAll
from mrisr import cli, interruption
from mrisr.errors import SUCCESS
from mrisr.image.grid import Target
from mrisr.jobs import enhancement, server, tasks, upkeep, worker
from mrisr.pipeline.settings import Settings

WAIT_S = 120

SIGNALS = (signal.SIGINT, signal.SIGTERM)


def enhance(folder: Path) -> int:
    """`mrisr enhance`."""
    words = [folder.parent / "scan.nii.gz", folder / "result.nii.gz", "--model", "cubic"]
    sys.argv = ["mrisr", "enhance", *map(str, words)]
    return cli.program()


def train(folder: Path) -> int:
    """`mrisr train`, for ever."""
    sys.argv = ["mrisr", "train", *training(folder.parent, folder / "run"), "--progress", "json"]
    return cli.program()


def go_on_training(folder: Path) -> int:
    """The same; the signal comes when steps are being taken."""
    return train(folder)


def work(folder: Path) -> int:
    """The worker with one job; its parent lives and says nothing."""
    signals = interruption.Interruption()
    return signals.code(worker.main(_job(folder), os.fdopen(os.pipe()[0]), cancel=interruption.ASKED))


def serve(folder: Path) -> int:
    """The worker that stays, for ever, with a job."""
    there, here = os.pipe()
    os.write(here, (json.dumps({"job": _job(folder)}) + "\n").encode())
    return server.serve(os.fdopen(there), sys.stdout)


PROGRAMS = {enhance: 0.2, work: 0.2, serve: 0.2, train: 0.8, go_on_training: 0.2}
"""With the seconds within which the signal comes: twice what each takes on an idle machine."""

BEGINS = {go_on_training: '"stage": "training"'}
"""What a program has said when these seconds begin; they begin with the others' start."""

ONCE = [enhance, work, enhance, serve, enhance, work, serve, enhance, work]
ROUND = [*ONCE, train, *ONCE, go_on_training]


def training(data: Path, run: Path) -> list[str]:
    """The words that train on the data."""
    words = [data / "tiny.toml", "--data", data, "--work", run, "--device", "cpu", "--precision", "fp32"]
    return list(map(str, words))


def _job(folder: Path) -> str:
    request = enhancement.Request(
        folder.parent / "scan.nii.gz", folder / "result.nii.gz", Settings("cubic", Target.factor(2))
    )
    path = folder / "job.json"
    path.write_text(json.dumps(tasks.written_job(request)), encoding="utf-8")
    return str(path)


def run(program, folder: Path, ready: int) -> None:
    """A program as a process; it says when it takes signals."""
    begin = interruption.Interruption.__init__

    def told(self, *arguments) -> None:
        begin(self, *arguments)
        os.write(ready, b".")

    interruption.Interruption.__init__ = told
    log = os.open(folder / "log", os.O_WRONLY | os.O_CREAT)
    os.dup2(log, 1)
    os.dup2(log, 2)
    code = program(folder)
    if code == SUCCESS:
        time.sleep(WAIT_S)
    interruption.leave(code)


def signalled(program, folder: Path, number: signal.Signals, after: float) -> dict:
    """What becomes of a program that gets a signal so many seconds after it takes any."""
    folder.mkdir()
    there, here = os.pipe()
    if (pid := os.fork()) == 0:
        try:
            run(program, folder, here)
        finally:
            os._exit(1)
    os.close(here)
    os.read(there, 1)
    os.close(there)
    patience = time.monotonic() + WAIT_S
    while (
        BEGINS.get(program, "") not in (folder / "log").read_text(encoding="utf-8")
        and time.monotonic() < patience
    ):
        time.sleep(0.02)
    time.sleep(after)
    os.kill(pid, number)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    left = sorted(path.name for path in folder.iterdir() if path.name not in ("log", "job.json"))
    log = (folder / "log").read_text(encoding="utf-8")
    return {
        "program": program.__name__,
        "signal": number.name,
        "after": after,
        "code": code,
        "left": left,
        "log": log,
    }


def main(folder: Path, count: int) -> None:
    for number in SIGNALS:  # a shell in the background hands down that they be ignored
        signal.signal(number, signal.SIG_DFL)
    importAll()
    importlib.import_module("mrisr.training.run")
    import torch

    torch.optim.AdamW([torch.zeros(1, requires_grad=True)])  # imports much
    upkeep.wake_up = lambda: None
    gc.freeze()  # what is not looked through need not be copied for each fork
    random.seed(0)
    found = []
    for each in range(count):
        program = ROUND[each % len(ROUND)]
        after = random.uniform(0, PROGRAMS[program])
        found.append(signalled(program, folder / str(each), random.choice(SIGNALS), after))
    print(json.dumps(found))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
