"""A stand-in for Windows at the edges that this software touches: what Python lacks there, and what its file system refuses.

    python -m as_on_windows enhance scan.nii.gz out.nii.gz      the command `mrisr …`, as it would have to get along there
    python -m pytest -p as_on_windows Testing/engine/…          tests likewise; those that are about POSIX fail

Libraries are imported first, as they have versions of their own for Windows. What is made of `/` and of `os.name` stays as it is here.
"""

import builtins
import contextlib
import errno
import importlib
import io
import multiprocessing
import os
import re
import shutil
import signal
import stat
import sys
from pathlib import Path

LIBRARIES = (
    "asyncio", "ctypes", "numpy", "scipy.ndimage", "scipy.sparse", "scipy.optimize", "torch", "torch.utils.data", "nibabel", "SimpleITK",
    "pydicom", "PIL.Image", "PIL.ImageDraw", "PIL.ImageFont", "safetensors.torch", "psutil", "tqdm", "shtab", "dask", "distributed",
)  # fmt: skip

MODULES = ("fcntl", "resource", "pwd", "grp", "termios", "tty", "pty")
OF_OS = (
    "fork", "forkpty", "register_at_fork", "killpg", "getpgid", "getpgrp", "setsid", "getuid", "geteuid", "getgid",
    "sched_getaffinity", "sched_setaffinity", "mkfifo", "nice", "O_NOFOLLOW", "O_NONBLOCK", "O_DIRECTORY", "fchmod", "chown",
)  # fmt: skip
OF_SIGNAL = ("SIGHUP", "SIGPIPE", "SIGCHLD", "SIGUSR1", "SIGUSR2", "setitimer", "alarm")
"""Of what Windows has not; without `SIGKILL`, `pthread_sigmask`, `sysconf` and `statvfs` Python and psutil themselves would fail here."""

DEVICES = re.compile(r"(con|prn|aux|nul|com[0-9]|lpt[0-9])(\..*)?", re.IGNORECASE)
CHARACTERS = re.compile(r'[<>:"|?*\\\x00-\x1f]')
LONGEST = 259
"""Characters that a path may have, where nobody has asked for more."""

TEMPORARY = 1 << 30
"""Stands for `os.O_TEMPORARY`, which Linux has not."""

SHARING = 32
"""Windows' number for: another one has this file open."""


def check_name(path):
    """Refuse names that Windows has no files of."""
    if isinstance(path, int):
        return
    text = os.fspath(path)
    text = os.fsdecode(text)
    if len(os.path.abspath(text)) > LONGEST:
        raise FileNotFoundError(errno.ENOENT, "No such file or directory", text)
    for part in Path(text).parts[1 if os.path.isabs(text) else 0 :]:
        if part not in (".", "..") and (
            DEVICES.fullmatch(part) or CHARACTERS.search(part) or part.endswith((".", " "))
        ):
            raise OSError(errno.EINVAL, "Invalid argument", text)


def open_files():
    """Paths of the files that this process has open or mapped."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):  # that of the listing itself
            found.add(os.readlink(f"/proc/self/fd/{name}"))
    return found


def check_closed(*paths):
    """Refuse what cannot be done to a file that is open."""
    held = open_files()
    for path in paths:
        if os.path.realpath(path) in held:
            error = PermissionError(errno.EACCES, "The process cannot access the file", os.fspath(path))
            error.winerror = SHARING
            raise error


class Disk:
    """The functions of `os` that Windows has otherwise."""

    def __init__(self):
        self.real = {
            name: getattr(os, name)
            for name in ("open", "close", "replace", "rename", "unlink", "remove", "mkdir")
        }
        self.text = io.open
        self.temporary = {}

    def open(self, path, flags, *arguments, **more):
        check_name(path)
        if os.path.isdir(path):
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        descriptor = self.real["open"](path, flags & ~TEMPORARY, *arguments, **more)
        if flags & TEMPORARY:
            self.temporary[descriptor] = os.path.abspath(path)
        return descriptor

    def close(self, descriptor):
        self.real["close"](descriptor)
        if descriptor in self.temporary:
            self.real["unlink"](self.temporary.pop(descriptor))

    def replace(self, source, target, **more):
        check_name(target)
        check_closed(source, target)
        if os.path.isfile(target) and not os.stat(target).st_mode & stat.S_IWUSR:
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(target))
        self.real["replace"](source, target, **more)

    def rename(self, source, target, **more):
        if os.path.exists(target):
            raise FileExistsError(errno.EEXIST, "File exists", os.fspath(target))
        self.replace(source, target, **more)

    def unlink(self, path, **more):
        check_closed(path)
        self.real["unlink"](path, **more)

    def mkdir(self, path, *arguments, **more):
        check_name(path)
        self.real["mkdir"](path, *arguments, **more)

    def open_text(self, file, mode="r", *arguments, **more):
        check_name(file)
        return self.text(file, mode, *arguments, **more)


def pretend(*more):
    """From here on this process is on Windows, as far as it can tell; `more` libraries are imported first."""
    for name in (*LIBRARIES, *more):
        importlib.import_module(name)
    for name in MODULES:
        sys.modules[name] = None
    for name in OF_OS:
        if hasattr(os, name):
            delattr(os, name)
    for name in OF_SIGNAL:
        if hasattr(signal, name):
            delattr(signal, name)
    disk = Disk()
    for name in ("open", "close", "replace", "rename", "unlink", "mkdir"):
        setattr(os, name, getattr(disk, name))
    os.remove, os.O_TEMPORARY = disk.unlink, TEMPORARY
    io.open = builtins.open = disk.open_text
    shutil._use_fd_functions = False
    sys.platform = "win32"
    multiprocessing.set_start_method("spawn", force=True)


def pytest_configure(config):
    """As pytest's plugin."""
    pretend("accelerate", "matplotlib.pyplot", "skimage.metrics", "torch.utils.tensorboard")


if __name__ == "__main__":
    pretend()
    from mrisr.cli import process

    process()
