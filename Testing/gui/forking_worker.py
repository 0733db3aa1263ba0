"""The engine's worker and its command line for many tests: one process imports everything once and forks for each that asks.

``forking_worker.py --serve SOCKET`` is that process; ``forking_worker.py SOCKET`` asks it for a worker, and passes on requests and what
the worker says, with its exit code; with more words it asks for a command of `mrisr`. The environment of who asks holds.
"""

import contextlib
import importlib
import json
import os
import signal
import socket
import sys
import threading


def serve(path: str) -> None:
    """Fork for every job that comes until standard input ends."""
    from mrisr import cli
    from mrisr.jobs import server

    importAll()
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    threading.Thread(target=lambda: (sys.stdin.read(), os._exit(0)), daemon=True).start()
    print("ready", flush=True)
    while True:
        connection, _ = listener.accept()
        if os.fork() == 0:
            listener.close()
            work(connection, server, cli)
        connection.close()


def importAll() -> None:
    """What commands and jobs import while they run, so that no fork has to; without a GPU, which no fork could use then."""
    import numpy as np

    from mrisr import Settings, Target, Volume, cli, enhance

    cli.parser()
    for name in ("SimpleITK", "safetensors.torch", "mrisr.jobs.upkeep", "mrisr.neural.convolutional"):
        importlib.import_module(name)
    scan = Volume(np.random.default_rng(0).random((8, 8, 8), dtype=np.float32), np.eye(4))
    enhance(scan, Settings("cubic", Target.factor(2), residual=True))


def work(connection: socket.socket, server, cli) -> None:
    """A worker or a command in a fork: the first line holds the words, what follows is its standard input."""
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    stdin = connection.makefile("r", encoding="utf-8")
    stdout = connection.makefile("w", encoding="utf-8")
    words, environment = json.loads(stdin.readline())
    os.environ.clear()
    os.environ.update(environment)
    with contextlib.redirect_stderr(stdout), contextlib.redirect_stdout(stdout):
        code = cli.main(words) if words else server.Server(stdin, stdout).serve()
    stdout.write(f"exit {code}\n")
    stdout.flush()
    connection.shutdown(socket.SHUT_RDWR)
    os._exit(0)


def ask(path: str, words: list[str]) -> int:
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    connection.sendall((json.dumps([words, dict(os.environ)]) + "\n").encode())
    threading.Thread(target=_passOn, args=(connection,), daemon=True).start()
    code = 1
    for line in connection.makefile("r", encoding="utf-8"):
        if line.startswith("exit "):
            code = int(line.split()[1])
        else:
            print(line, end="", flush=True)
    return code


def _passOn(connection: socket.socket) -> None:
    with contextlib.suppress(OSError):  # the job has ended
        for line in sys.stdin:
            connection.sendall(line.encode())
        connection.shutdown(socket.SHUT_WR)


if __name__ == "__main__":
    if sys.argv[1] == "--serve":
        serve(sys.argv[2])
    else:
        code = ask(sys.argv[1], sys.argv[2:])
        sys.stdout.flush()
        os._exit(code)  # a thread still waits for standard input
