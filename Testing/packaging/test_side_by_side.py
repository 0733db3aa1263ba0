"""`make test` runs the sets of tests side by side: what it prints, what it answers, and that nothing outlives it."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

SIDE_BY_SIDE = Path(__file__).resolve().parents[1] / "side_by_side.py"

PATIENCE = 300
"""Seconds after which a program that should have ended is taken for hung."""

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="make and process groups are POSIX's")

FOREVER = """
import os, signal, subprocess, sys
from pathlib import Path

def test_it_waits():
    child = subprocess.Popen([sys.executable, "-c", "import time\\nwhile True: time.sleep(0.05)"])
    notes = Path(__file__).with_name("pids")
    notes.with_suffix(".part").write_text(f"{os.getpid()} {child.pid}")
    notes.with_suffix(".part").rename(notes)
    child.wait()
"""


def folder_of(parent, name, content):
    (parent / name).mkdir()
    (parent / name / f"test_{name}.py").write_text(content, encoding="utf-8")
    return parent / name


def started(*sets):
    command = [sys.executable, str(SIDE_BY_SIDE), *(" ".join(map(str, folders)) for folders in sets)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


def printed(run):
    """All that it printed, once it has ended; one that does not end is killed, with what it has started."""
    try:
        return run.communicate(timeout=PATIENCE)[0]
    except subprocess.TimeoutExpired:
        for process in [*psutil.Process(run.pid).children(recursive=True), run]:
            process.kill()
        raise


def begun(*sets):
    """The program, once a test of the first folder of each set has noted its processes in `pids`."""
    run = started(*sets)
    while not all((folders[0] / "pids").exists() for folders in sets):
        assert run.poll() is None
        time.sleep(0.05)
    return run


@pytest.mark.parametrize(
    ("body", "code", "closing"), [("pass", 0, "2 passed"), ("assert not 1", 1, "1 failed, 1 passed")]
)
def test_all_sets_run_and_their_closing_lines_come_last(tmp_path, body, code, closing):
    first, beside, second = (
        folder_of(tmp_path, n, f"def test_it():\n    {b}\n")
        for n, b in (("a", "pass"), ("b", body), ("c", "pass"))
    )
    run = started([first, beside], [second])
    lines = printed(run).splitlines()
    assert run.returncode == code
    heading, of_first, empty, other, of_second = lines[-5:]
    assert (heading, empty, other) == (f"{first} {beside}:", "", f"{second}:")
    assert closing in of_first
    assert "1 passed" in of_second
    body = lines[: lines.index(heading)]
    assert {line.split(" | ")[0].strip() for line in body if line} == {"a", "c"}


def test_each_set_has_one_thread_and_so_have_the_programs_it_starts(tmp_path):
    asked = "import subprocess, sys\n\ndef test_it():\n    code = 'import torch; print(torch.get_num_threads())'\n"
    asked += "    assert subprocess.check_output([sys.executable, '-c', code]).strip() == b'1'\n"
    run = started([folder_of(tmp_path, "a", asked)])
    said = printed(run)
    assert run.returncode == 0, said


@pytest.mark.parametrize("sent", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_all_sets_and_what_their_tests_have_started(tmp_path, sent):
    folders = [folder_of(tmp_path, name, FOREVER) for name in ("a", "b")]
    run = begun(*([folder] for folder in folders))
    run.send_signal(sent)
    said = printed(run)
    assert run.returncode == 130
    assert said.count("no tests ran") >= 2
    for folder in folders:
        assert all(ended(int(pid)) for pid in (folder / "pids").read_text(encoding="utf-8").split())


def ended(pid):
    """Whether a process is no more, or only waits for somebody to ask how it ended; one that was killed may take a moment."""
    for _ in range(1200):
        try:
            if psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
                return True
        except psutil.NoSuchProcess:
            return True
        time.sleep(0.05)
    return False


def test_a_second_signal_ends_what_takes_no_notice_of_the_first(tmp_path):
    folder = folder_of(
        tmp_path,
        "a",
        FOREVER.replace("    child =", "    signal.signal(signal.SIGINT, signal.SIG_IGN)\n    child ="),
    )
    run = begun([folder])
    run.send_signal(signal.SIGINT)
    run.send_signal(signal.SIGTERM)
    said = printed(run)
    assert run.returncode == 130
    assert said.endswith("It did not end by itself: SIGKILL.\n")
    assert all(ended(int(pid)) for pid in (folder / "pids").read_text(encoding="utf-8").split())
