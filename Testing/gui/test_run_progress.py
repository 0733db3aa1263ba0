"""The time left is that of the whole run, whatever its stages are."""

import re

import pytest

STAGES = ("reading", "interpolation", "model", "consistency", "writing")


@pytest.fixture
def progress(host, monkeypatch):
    """A progress bar and a clock that is turned by hand."""
    import qt

    from MRISuperResolutionLib.Panels import RunProgress

    class Clock:
        now = 0.0

        @classmethod
        def monotonic(cls) -> float:
            return cls.now

    monkeypatch.setattr(RunProgress, "time", Clock)
    made = RunProgress.RunProgress(qt.QProgressBar())
    made.clock = Clock
    return made


def seconds(sentence: str) -> float | None:
    """What a sentence says is left."""
    found = re.fullmatch(r" About (?:(\d+) s|(\d+) min|under 1 s) left\.", sentence)
    return None if not sentence else float(found[1] or 0) + 60 * float(found[2] or 0)


def follow(progress, events: list[tuple[float, str, int, int]]) -> list[tuple[float, float | None]]:
    """Play (time, stage, done, total); the times and what was said to be left."""
    told = []
    for now, stage, done, total in events:
        progress.clock.now = now
        told.append((now, seconds(progress.show(stage, done, total))))
    return told


def enhancing(length: float, tiles: int = 10) -> list[tuple[float, str, int, int]]:
    """A run of so many seconds whose network takes nine tenths of it."""
    first, rest = 0.05 * length, 0.9 * length
    return [
        (0.0, "reading", 0, 1),
        (first / 2, "interpolation", 0, 1),
        (first, "interpolation", 1, 1),
        *((first + rest * tile / tiles, "model", tile, tiles) for tile in range(1, tiles + 1)),
        (length - 0.03 * length, "consistency", 1, 2),
        (length - 0.02 * length, "consistency", 2, 2),
        (length, "writing", 1, 1),
    ]


@pytest.mark.parametrize("expected", [None, 60.0, 20.0, 180.0])
def testTheTimeLeftIsThatOfTheRunAndComesNearTheTruth(progress, expected):
    progress.begin(STAGES, expected)
    for now, left in follow(progress, enhancing(60.0)):
        if left is not None and now > 30:
            assert abs(left - (60 - now)) < 15, (now, left)


def testTheBarNeverGoesBackAndEndsFull(progress):
    progress.begin(STAGES)
    values = []
    for event in enhancing(10.0):
        follow(progress, [event])
        values.append(progress._bar.value)
    assert values == sorted(values)
    assert values[-1] == progress._bar.maximum
    assert progress.show("writing", 1, 1) == "", "nothing is left"


def testAnEstimateIsToldBeforeTheFirstStageIsDone(progress):
    progress.begin(STAGES, expected=120)
    assert follow(progress, [(2.0, "reading", 0, 1)]) == [(2.0, 120.0)]


def testSamplesAndScansAreOneRun(progress):
    """Two scans of four samples: the second sample of the second scan begins five eighths through."""
    progress.begin(STAGES, runs=2)
    for scan in range(2):
        follow(progress, [(80.0 * scan, "reading", 0, 1), (80.0 * scan, "interpolation", 1, 1)])
        for sample in range(4):
            start = 80.0 * scan + 20 * sample
            left = follow(
                progress,
                [
                    (start, "samples", sample, 4),
                    (start, "model", 0, 4),
                    (start + 18, "model", 4, 4),
                    (start + 20, "consistency", 1, 1),
                ],
            )
            if (scan, sample) == (1, 0):
                share = progress._bar.value / progress._bar.maximum
                assert 0.55 < share < 0.68
                assert abs(left[-1][1] - 60) < 15
        follow(progress, [(80.0 * (scan + 1), "writing", 1, 1)])
    assert progress._bar.value == progress._bar.maximum


def testModelsThatAreTriedAreOneRun(progress):
    progress.begin(("reading",))
    told = follow(
        progress,
        [
            (0.0, "T1w, own, linear", 0, 4),
            (10.0, "T1w, own, cubic", 1, 4),
            (30.0, "T1w, own, edsr3d-thick", 3, 4),
        ],
    )
    assert [left for _, left in told] == [None, 30.0, 10.0]


def testWhatNoJobNamesDoesNotMoveTheBar(progress):
    progress.begin(STAGES)
    follow(progress, [(5.0, "model", 1, 2)])
    before = progress._bar.value
    follow(progress, [(6.0, "an unknown stage", 9, 10)])
    assert progress._bar.value == before
