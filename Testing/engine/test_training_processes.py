"""Several processes that train together, started as users start them: each sees other patches, and all end with the same weights."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from engine.training_helpers import ROOT, write_scans

PROGRAM = f"""import json, sys
from pathlib import Path
sys.path[:0] = [{str(ROOT / "MRISuperResolution")!r}, {str(ROOT / "Testing")!r}]
import torch; torch.set_num_threads(1)
from engine.training_helpers import options, silent, table
from mrisr.errors import Cancelled
from mrisr.progress import Monitor
from mrisr.training.config import Config
from mrisr.training.split import find_split
from mrisr.training.run import build_dataset, build_loop

folder = Path(sys.argv[1])

def total(network):
    return float(sum(p.double().abs().sum() for p in network.parameters()))

def train(name, stop_at=None, **changes):
    monitor = Monitor()
    config = Config.of(table(**changes))
    asked = options(folder, work=folder / name)
    asked.work.mkdir(exist_ok=True)
    dataset = build_dataset(config, find_split(config, folder), silent())
    loop = build_loop(config, dataset, asked.work, asked, monitor)
    rank, inner = loop.accelerator.process_index, loop.objective

    def objective(network, batch, step):
        if rank == 1 and step == stop_at:
            monitor.cancel.cancel()
        return inner(network, batch, step)

    loop.objective = objective
    try:
        loop.run()
        cancelled = False
    except Cancelled:
        cancelled = True
    critic = total(loop.adversary.critic) if loop.adversary else None
    note = {{"processes": loop.accelerator.num_processes, "cancelled": cancelled, "weights": total(loop.bare), "critic": critic}}
    (asked.work / f"rank{{rank}}.json").write_text(json.dumps({{**note, "steps": loop.state.step, "losses": loop.state.losses}}))

train("one network", optimizer={{"steps": 2}})
train("an expert that is never asked", network={{"experts": [8.0]}}, optimizer={{"steps": 2}})
adversary = {{"width": 2, "critic_steps": 2, "pretraining": 1, "extra_every": 0}}
train("stopped", stop_at=2, adversary=adversary, optimizer={{"steps": 50}})
"""
"""Trains three times in the folder it is given and notes how each training ended, for each process; the second process alone is asked to
stop the last one. One program does all three, since what takes long is that each process imports torch."""

WITHOUT_MPI = pytest.mark.skipif(
    sys.platform == "win32", reason="mpich comes as a wheel for Linux and macOS only"
)


@pytest.fixture(scope="module", params=[pytest.param("accelerate", marks=WITHOUT_MPI), "torch"])
def ended(request, tmp_path_factory):
    """How a training ended, by its name: a note of each of the two processes.

    They are started by `accelerate launch`, which does so by MPI where there is no GPU, or by torch's own launcher.
    """
    folder = write_scans(tmp_path_factory.mktemp("processes"))
    script = folder / "two.py"
    script.write_text(PROGRAM, encoding="utf-8")
    launcher = LAUNCHERS[request.param](folder)
    programs = str(Path(sys.executable).parent)
    environment = {
        **os.environ,
        "PATH": programs + os.pathsep + os.environ["PATH"],
        "OMP_NUM_THREADS": "1",
        "ACCELERATE_USE_CPU": "true",
    }
    command = [sys.executable, "-m", *launcher, str(script), str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=600, env=environment, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return lambda name: [
        json.loads((folder / name / f"rank{rank}.json").read_text(encoding="utf-8")) for rank in (0, 1)
    ]


def launched_by_accelerate(folder):
    hosts = folder / "hosts"
    hosts.write_text("localhost\n", encoding="utf-8")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    processes = ["--cpu", "--num_processes", "2", "--num_machines", "1", "--mpirun_hostfile", str(hosts)]
    return ["accelerate.commands.launch", *processes, "--main_process_port", str(port)]


def launched_by_torch(_folder):
    return ["torch.distributed.run", "--standalone", "--nproc_per_node", "2"]


LAUNCHERS = {"accelerate": launched_by_accelerate, "torch": launched_by_torch}


@pytest.mark.parametrize("name", ["one network", "an expert that is never asked"])
def test_two_processes_train_and_agree(ended, name):
    """Each process sees other patches, and both end with the same weights."""
    first, second = ended(name)
    assert first["processes"] == second["processes"] == 2
    assert not first["cancelled"]
    assert first["losses"] != second["losses"]
    assert first["weights"] == second["weights"]


def test_processes_stop_together_and_share_one_critic(ended):
    """The second process alone is asked to stop; the first leaves at the same step, with the same critic."""
    first, second = ended("stopped")
    assert first["cancelled"]
    assert second["cancelled"]
    assert first["steps"] == second["steps"] == 3
    assert first["critic"] == second["critic"]
