"""What became of a training: a page of Markdown and a picture of its curves."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ..image.replacement import replacing
from ..reports.plot import new_figure, save
from .config import Config
from .state import State

WINDOW = 50


def write_report(work: Path, config: Config, state: State, scans: list[str]) -> Path:
    """Write `report.md` and `curves.png` into the run's folder; the page's path."""
    _curves(work / "curves.png", state)
    last = np.mean(state.losses[-WINDOW:]) if state.losses else float("nan")
    lines = [
        f"# {config.name}",
        "",
        f"- family {config.family}, seed {config.seed}",
        f"- {state.step} steps in {state.elapsed / 60:.1f} minutes on {len(scans)} scans",
        f"- mean loss of the last {WINDOW} steps: {last:.5f}",
        "",
        "![curves](curves.png)",
    ]
    if state.validations:
        names = [name for name in state.validations[0] if name != "step"]
        lines += [
            "",
            "Gain over cubic interpolation in the head (dB):",
            "",
            "| step | " + " | ".join(names) + " |",
        ]
        lines += ["|---" * (len(names) + 1) + "|"]
        lines += [
            f"| {v['step']} | " + " | ".join(f"{v[name]:+.2f}" for name in names) + " |"
            for v in state.validations
        ]
    with replacing(work / "report.md") as partial:
        partial.write_text("\n".join([*lines, ""]), encoding="utf-8")
    return work / "report.md"


def _curves(path: Path, state: State) -> None:
    figure = new_figure(figsize=(8, 3))
    axes = figure.add_subplot()
    if len(state.losses) >= WINDOW:
        smooth = np.convolve(state.losses, np.full(WINDOW, 1 / WINDOW), mode="valid")
        axes.plot(np.arange(WINDOW, len(state.losses) + 1), smooth, label=f"loss, mean of {WINDOW} steps")
    else:
        axes.plot(np.arange(1, len(state.losses) + 1), state.losses, label="loss")
    axes.set(xlabel="step", ylabel="loss")
    if state.validations:
        gains = axes.twinx()
        gains.plot(
            [v["step"] for v in state.validations],
            [v["gain"] for v in state.validations],
            "o-",
            color="tab:orange",
        )
        gains.set_ylabel("gain over cubic (dB)", color="tab:orange")
    save(figure, path, dpi=120)
