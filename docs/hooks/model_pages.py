"""A page for each packaged model, and one of all of them, made of the cards: `models/NAME.md` and `models/index.md`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "MRISuperResolution"))
from mrisr.commands.models import gains_of
from mrisr.models.card import PACKAGED, Card, gain_in  # of this checkout, whatever is installed

if TYPE_CHECKING:
    from mkdocs.config.defaults import MkDocsConfig
    from mkdocs.structure.files import Files

REPOSITORY = "https://github.com/MRISuperResolution/SlicerMRISuperResolution/blob/main"
FOLDER, INDEX = "models", "models/index.md"

BREAK = "<br>"
"""Between lines in the cell of a table."""

WIDE = "---\nhide:\n  - toc\n---"
"""The head of a page with a wide table."""

SOURCES = {"arXiv:": "https://arxiv.org/abs/", "doi:": "https://doi.org/"}

NO_WEIGHTS = "It has no weights and was not trained."

ABOUT = """\
Every model that travels with MRISuperResolution has a card, and these pages are made of the cards. How to choose among them stands
under [Choose a model](../how-to/choose-a-model.md)."""

FIGURES = """\
The gain is in PSNR, the mean over the *headline* scans of simulated [protocols](../concepts/protocols.md); models that differ by
0.1 dB cannot be ranked. Seconds are for a million voxels of the result, on the computer that the model's page names."""

MEASURED = """\
Good scans were degraded by a [protocol](../concepts/protocols.md), restored, and compared with what they had been, in the head alone.
None of these scans was trained on."""

READ = """\
Mean ± standard deviation over the scans. *Headline* scans are truly resolved on their grid and of three contrasts, those of the *cohort*
are of one study. *Told*: the model was told how the scans had been made; *found out*: it knew what the product finds out by itself."""


def on_config(config: MkDocsConfig) -> MkDocsConfig:
    """The pages of the models stand below the one of all of them, wherever the navigation has that."""
    cards = packaged()
    for entry in config.nav or []:
        for title, place in list(entry.items()) if isinstance(entry, dict) else []:
            if place == INDEX:
                entry[title] = [INDEX, *({card.name: f"{FOLDER}/{card.name}.md"} for card in cards)]
    return config


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """The pages join those that are written by hand."""
    from mkdocs.structure.files import File

    cards = packaged()
    for card in cards:
        files.append(File.generated(config, f"{FOLDER}/{card.name}.md", content=page(card)))
    files.append(File.generated(config, INDEX, content=index(cards)))
    return files


def packaged() -> list[Card]:
    """The cards of the models that travel with the software, not those of other folders: trained ones first, by name."""
    cards = [Card.read(path.parent) for path in PACKAGED.glob("*/card.json")]
    return sorted(cards, key=lambda card: (card.sha256 is None, card.name))


def page(card: Card) -> str:
    """A model's page, in Markdown."""
    parts = [
        WIDE,
        f"# {card.label}",
        f"`{card.name}` · {card.title} · version {card.version}",
        card.purpose,
        str(card.data.get("description", "")),
        "## What it is for",
        _list(_fit(card)),
        "## How good it was measured to be",
        *_quality(card),
        "## How long it takes",
        *_speed(card),
        *_verdict(card),
        "## Where it fails",
        _list([*card.limits, *_worse(card)] or [_plain(card)]),
        "## What it was trained on",
        *_training(card),
        "## License and weights",
        _list(_weights(card)),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def index(cards: Iterable[Card]) -> str:
    """The page of all models, in Markdown."""
    heads = ("model", "what for", "gain over cubic interpolation, in the head", "seconds a megavoxel", "size")
    return "\n\n".join([WIDE, "# Models", ABOUT, _table(heads, map(_entry, cards)), FIGURES]) + "\n"


def _entry(card: Card) -> tuple[str, ...]:
    gains = BREAK.join(gains_of(card)) or ("the yardstick" if card.name == "cubic" else "–")
    return f"[`{card.name}`]({card.name}.md)", card.purpose, gains, _seconds(card), _size(card)


def _fit(card: Card) -> Iterator[str]:
    yield f"Trained for {card.trained_text()}." if card.trained else "Refines by any factor, along any axis."
    if card.contrasts:
        yield f"Trained on {', '.join(card.contrasts)}."
    if card.acquisition:
        yield f"Scans on their own matrix it takes, where nobody says otherwise, to be made as `{card.acquisition}`."
    if card.gpu:
        yield "For computers with a graphics card; it is not proposed without one."
    if steps := card.consistency:
        link = "[consistency](../concepts/consistency.md)"
        yield f"Its result is drawn towards the scan by {steps} steps of {link} unless told otherwise."
    if card.overshoot < 1:
        link = "[beyond the scan's range](../concepts/consistency.md#rims-at-borders)"
        yield f"Of what it adds {link} around a place, {_percent(card.overshoot)} stays."


def _quality(card: Card) -> Iterator[str]:
    if not card.quality:
        yardstick = "It is the yardstick of the others."
        yield yardstick if card.name == "cubic" else "Its card has no figures; `mrisr evaluate` measures it."
        return
    yield MEASURED
    heads = ("protocol", "scans", "acquisition", "gain over cubic", "PSNR, dB", "SSIM")
    yield _table(heads, map(_row, card.quality))
    yield READ


def _row(row: dict[str, Any]) -> tuple[str, ...]:
    def both(score: str, digits: int) -> str:
        ours, cubic = (
            f"{row[key][0]:.{digits}f}&nbsp;±&nbsp;{row[key][1]:.{digits}f}"
            for key in (score, f"{score}_cubic")
        )
        return f"{ours}{BREAK}cubic:&nbsp;{cubic}"

    return (
        f"`{row['protocol']}`",
        f"{row['count']} {row['scans']}",
        _known(row),
        f"{gain_in(row):+.2f} dB",
        both("psnr_mask", 2),
        both("ssim_mask", 3),
    )


def _known(row: dict[str, Any]) -> str:
    return "found out" if row.get("acquisition") == "default" else "told"


def _speed(card: Card) -> Iterator[str]:
    if not card.speed:
        yield "Not measured."
        return
    heads = (
        "device and precision",
        "seconds a megavoxel of the result",
        "memory, MB a megavoxel",
        "computer",
        "measured",
    )
    rows = [
        (
            f"`{key}`",
            f"{entry['seconds_per_megavoxel']:.3g}",
            f"{entry['peak_memory_mb_per_megavoxel']:.0f}"
            if "peak_memory_mb_per_megavoxel" in entry
            else "–",
            str(entry.get("machine", "")),
            str(entry.get("date", "")),
        )
        for key, entry in card.speed.items()
    ]
    yield _table(heads, rows)
    yield "No figure is computed from another computer's; `mrisr speed` measures this one."


def _verdict(card: Card) -> Iterator[str]:
    learned, spread = card.data.get("verdict", {}), card.calibration
    if not learned.get("rule") and not spread:
        return
    yield "## How well it is known when it errs"
    if learned.get("rule"):
        yield (
            f"The [verdict](../concepts/verdict.md) has learned from {learned.get('helped', 0)} simulated runs in which the "
            f"model was nearer to the truth than plain interpolation, and {learned.get('harmed', 0)} in which it was not."
        )
    if "auc" in learned:
        yield f"It tells them apart with an area under the curve of {learned['auc']:.2f} (1: always, 0.5: never)."
    if green := learned.get("green"):
        yield f"Green were {_percent(green['helped'])} of the runs that helped, {_percent(green['harmed'])} of those that harmed."
    if spread:
        yield (
            f"The spread of its samples, widened {spread['scale']:.2f} times, holds {_percent(spread['within_1sd'])} of the errors "
            f"within one standard deviation and {_percent(spread['within_2sd'])} within two, on other scans than those it was "
            f"fitted on (`{spread['protocol']}`)."
        )


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _worse(card: Card) -> Iterator[str]:
    """Where it was measured to be worse than plain interpolation."""
    for row in card.quality:
        if (gain := gain_in(row)) < 0:
            protocol = f"`{row['protocol']}` ({row['scans']} scans, {_known(row)})"
            yield f"On {protocol} plain cubic interpolation is nearer to the truth, by {-gain:.2f} dB."


def _plain(card: Card) -> str:
    return f"{card.title} adds no detail: edges stay as soft as they are."


def _training(card: Card) -> Iterator[str]:
    training = card.data.get("training", {})
    if not training:
        yield NO_WEIGHTS
        return
    if scans := training.get("scans"):
        yield "Scans: " + ", ".join(f"`{scan}`" for scan in scans) + "."
    if recipe := training.get("recipe"):
        seconds, machine = training.get("seconds"), training.get("machine")
        spent = f", {_time(seconds)} of training" * bool(seconds) + f" on {machine}" * bool(machine)
        yield f"Recipe: [`{recipe}`]({REPOSITORY}/{recipe}){spent}."
    if attribution := training.get("attribution"):
        yield "The data, with their licenses, and those who made them:"
        yield _list(attribution)
    yield "All data and dependencies stand together under [Licenses](../licenses.md)."


def _time(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} seconds"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def _weights(card: Card) -> Iterator[str]:
    yield f"{card.data.get('license', '')}, for {'weights and code' if card.sha256 else 'the code'}. Research use only."
    weights = card.data.get("weights") or {}
    if weights:
        yield f"{weights.get('parameters', 0):,} parameters in {weights.get('dtype', '')}, {_size(card)}."
        yield f"SHA-256 `{card.sha256}`, checked before they are used."
    for source in card.data.get("source", []):
        yield f"After {_linked(source)}."


def _linked(source: str) -> str:
    for start, base in SOURCES.items():
        if source.startswith(start):
            return f"[{source}]({base}{source.removeprefix(start)})"
    return source


def _seconds(card: Card) -> str:
    return (
        BREAK.join(f"{each['seconds_per_megavoxel']:.2g} ({key})" for key, each in card.speed.items()) or "–"
    )


def _size(card: Card) -> str:
    return (
        f"{card.weights_path.stat().st_size / 1e6:.1f} MB"
        if card.sha256 and card.weights_path.is_file()
        else "–"
    )


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [heads, ("---",) * len(heads), *rows]
    return "\n".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |" for line in lines)


def _list(items: Iterable[str]) -> str:
    return "\n".join(f"- {item}" for item in items)
