"""What runs on this machine, by PID."""

import psutil


def treeOf(pid: int) -> list[int]:
    """The process and all its descendants."""
    root = psutil.Process(pid)
    return [pid, *(child.pid for child in root.children(recursive=True))]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE]


def children() -> list[int]:
    """Living descendants of the test process."""
    return alive([child.pid for child in psutil.Process().children(recursive=True)])
