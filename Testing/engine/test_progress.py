"""What the terminal shows of a long computation."""

import io
import json
import re
import sys
import time
from argparse import Namespace

import pytest

from engine.conftest import phantom
from mrisr.cli import main
from mrisr.commands import _heartbeat, models
from mrisr.commands._bars import Whole
from mrisr.commands._heartbeat import EVERY, Heartbeat
from mrisr.commands._options import monitor
from mrisr.commands._output import tell
from mrisr.image.files import write_volume
from mrisr.progress import DETAIL


class Terminal(io.StringIO):
    """A standard error that is looked at."""

    def isatty(self):
        return True

    @property
    def pictures(self):
        """What was drawn, one drawing after the other."""
        return [picture for picture in re.split(r"[\r\n]", self.getvalue()) if picture.strip()]


def terminal_for(monkeypatch):
    """A terminal that is standard error from here on; no fixture, since pytest puts its own in place before a test begins."""
    found = Terminal()
    monkeypatch.setattr(sys, "stderr", found)
    return found


@pytest.fixture
def clock(monkeypatch):
    """Seconds that pass only when told to."""
    now = [1000.0]
    monkeypatch.setattr("tqdm.std.time", lambda: now[0])
    return now


def test_a_training_that_goes_on_has_one_bar_with_the_time_that_is_left(monkeypatch, clock):
    terminal, shown = terminal_for(monkeypatch), monitor("bar")
    for done in range(300, 311):
        shown.step(f"training{DETAIL}loss {1 / done:.4f}", done, 1000)
        clock[0] += 6
    # 10 of 1000 parts took a minute now; the 300 before them were another sitting's.
    assert terminal.pictures[-1].startswith("training:  31%")
    assert "310/1000 [01:00<1:09:00, loss 0.0032]" in terminal.pictures[-1]
    assert all(picture.startswith("training: ") for picture in terminal.pictures)


def test_each_stage_has_a_bar_of_its_own(monkeypatch, clock):
    terminal, shown = terminal_for(monkeypatch), monitor("bar")
    for stage in ("reading scans", f"training{DETAIL}loss 0.5"):
        for done in range(4):
            shown.step(stage, done, 4)
            clock[0] += 2
    first, second = (
        [p for p in terminal.pictures if p.startswith(name)] for name in ("reading scans", "training")
    )
    assert "3/4 [00:06<00:02]" in first[-1]
    assert "3/4 [00:06<00:02, loss 0.5]" in second[-1]


def test_a_finished_stage_is_cleared_from_the_terminal(monkeypatch):
    terminal = terminal_for(monkeypatch)
    monitor("bar").step("model", 3, 3)
    assert "model" in terminal.getvalue()
    assert not terminal.getvalue().rstrip("\r").rsplit("\r", 1)[-1].strip()


def test_what_is_said_meanwhile_has_a_line_of_its_own(monkeypatch):
    terminal = terminal_for(monkeypatch)
    shown = monitor("bar")
    shown.step("training", 1, 4)
    shown.log("A smaller tile is tried.")
    shown.step("training", 2, 4)
    lines = terminal.getvalue().split("\n")
    assert lines[0].endswith("\rA smaller tile is tried.")
    assert "2/4" in lines[1]


def test_results_that_are_told_meanwhile_have_lines_of_their_own(monkeypatch):
    terminal = terminal_for(monkeypatch)
    monkeypatch.setattr(sys, "stdout", terminal)
    shown = monitor("bar")
    shown.step("scans", 1, 4)
    tell(Namespace(), {}, "a.nii.gz: enhanced")
    tell(Namespace(json=True), {"input": "b.nii.gz"})
    first, second, bar = terminal.getvalue().split("\n")
    assert first.endswith("\ra.nii.gz: enhanced")
    assert second.endswith('\r{"input": "b.nii.gz"}')
    assert "1/4" in bar


def test_many_scans_have_one_bar_with_their_stages_behind_it():
    seen = []
    whole = Whole(lambda *told: seen.append(told), 2)
    whole("model", 3, 8)
    whole.advance()
    whole(f"writing{DETAIL}x", 0, 1)
    assert seen == [
        (f"scans{DETAIL}model 3/8", 0, 2), ("scans", 1, 2), (f"scans{DETAIL}writing 0/1", 1, 2)
    ]  # fmt: skip
    seen.clear()
    whole = Whole(lambda *told: seen.append(told), 2)
    whole("scans", 1, 2)
    whole.advance()
    assert seen == [("scans", 1, 2)], "workers tell it themselves"


def test_a_folder_of_scans_has_one_bar(monkeypatch, tmp_path):
    for number in range(2):
        write_volume(phantom((8, 8, 8)), tmp_path / f"in/{number}.nii.gz")
    terminal = terminal_for(monkeypatch)
    assert main(["enhance", str(tmp_path / "in"), "--model", "cubic", "--factor", "2"]) == 0
    assert {picture.partition(":")[0] for picture in terminal.pictures} == {"scans"}
    assert any("1/2 [" in picture and "model 1/1" in picture for picture in terminal.pictures)


def test_programs_are_told_the_stage_apart_from_its_detail(capsys):
    shown = monitor("json")
    shown.step(f"training{DETAIL}loss 0.5", 1, 4)
    shown.step("model", 2, 3)
    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert first == {"event": "progress", "stage": "training", "detail": "loss 0.5", "done": 1, "total": 4}
    assert second == {"event": "progress", "stage": "model", "done": 2, "total": 3}


def test_a_heartbeat_tells_every_half_minute_what_is_done_and_how_long_it_has_lasted():
    now, lines = [1000.0], []
    heart = Heartbeat("mrisr compare", lines.append, lambda: now[0])

    def wait(seconds):
        for _ in range(seconds):
            now[0] += 1
            heart.beat()

    wait(29)
    assert lines == [], "what is done sooner needs no line"
    wait(1)
    heart.note(f"registration{DETAIL}level 2", 3, 12)
    wait(61)
    heart.note("comparison", 0, 1)
    wait(28)
    assert lines == ["mrisr compare (30 s)"] + [
        f"mrisr compare, registration: 3 of 12, level 2 ({lasted})" for lasted in ("1 min 0 s", "1 min 30 s")
    ]
    wait(1)
    assert lines[3:] == ["mrisr compare, comparison: 0 of 1 (2 min 0 s)"]


@pytest.mark.parametrize("looked_at", [False, True])
def test_a_command_that_reports_nothing_for_long_is_heard_of_where_nobody_looks(monkeypatch, looked_at):
    """Its work goes on in the main thread until a line has come, or a second has passed."""
    stream = Terminal() if looked_at else io.StringIO()
    monkeypatch.setattr(sys, "stderr", stream)
    monkeypatch.setattr(_heartbeat, "LOOK", 0.001)
    monkeypatch.setattr(_heartbeat, "EVERY", 0.02)

    def work(_args):
        monitor("bar").step("reading", 1, 3)
        end = time.monotonic() + (0.3 if looked_at else 20)
        while "reading: 1 of 3" not in stream.getvalue() and time.monotonic() < end:
            time.sleep(0.002)
        return 0

    monkeypatch.setattr(models, "run", work)
    assert main(["models"]) == 0
    lines = [line for line in stream.getvalue().splitlines() if line.startswith("mrisr models")]
    assert bool(lines) != looked_at
    assert all(line.startswith("mrisr models, reading: 1 of 3 (") for line in lines[-1:])
    written = stream.getvalue()
    time.sleep(0.05)
    assert stream.getvalue() == written, "it has ended with the command"


def test_who_wants_no_progress_or_reads_it_by_program_hears_no_heartbeat(monkeypatch):
    monkeypatch.setattr(sys, "stderr", stream := io.StringIO())
    monkeypatch.setattr(_heartbeat, "LOOK", 0.001)
    monkeypatch.setattr(_heartbeat, "EVERY", 0.002)
    for kind in ("off", "json"):
        with _heartbeat.CommandHeartbeat("mrisr models", lambda line: stream.write(line), kind):
            time.sleep(0.05)
    assert EVERY == 30.0
    assert stream.getvalue() == ""
