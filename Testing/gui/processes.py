"""What runs on this machine, by PID."""

import psutil


def treeOf(pid: int) -> list[int]:
    """The process and all its descendants."""
    root = psutil.Process(pid)
    return [pid, *(child.pid for child in root.children(recursive=True))]


def alive(pids: list[int]) -> list[int]:
    return [pid for pid in pids if _isAlive(pid)]


def _isAlive(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:  # it may end between any two looks
        return False


def children() -> list[int]:
    """Living descendants of the test process."""
    return alive([child.pid for child in psutil.Process().children(recursive=True)])
