"""The sheet that reports are written on: one file without scripts or other files, for screens, light or dark, and for paper."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from pathlib import Path
from typing import Any

from ..image.replacement import replacing
from ..pipeline.provenance import STATEMENT

STYLE = """
:root{color-scheme:light dark;--ink:#1d2430;--quiet:#566070;--line:#d6dbe3;--page:#fff;--panel:#f5f7f9;--best:#e3f2e8;
--green:#2e8b57;--amber:#d99a00;--red:#c0392b;--greenback:#e6f4ec;--amberback:#fdf3dc;--redback:#fbe5e2}
@media (prefers-color-scheme:dark){:root{--ink:#e6e9ee;--quiet:#a4adba;--line:#3a424e;--page:#15181d;--panel:#20252c;--best:#1f3b2b;
--green:#4fb981;--amber:#e5b13a;--red:#ea6a5c;--greenback:#16291f;--amberback:#30270f;--redback:#371b18}}
*{box-sizing:border-box}
body{font:15px/1.5 system-ui,sans-serif;color:var(--ink);background:var(--page);max-width:1240px;margin:16px auto;padding:0 20px}
h1{font-size:22px;line-height:1.3;margin:0 0 10px}h2{font-size:18px;margin:30px 0 6px}h3{font-size:16px;margin:20px 0 4px}
p{margin:6px 0}a{color:inherit}
.verdict{padding:12px 18px;border-left:14px solid;border-radius:4px;margin:0 0 10px;break-inside:avoid}
.verdict .word{font-size:20px;font-weight:700;margin:0}.verdict .says{font-size:17px;font-weight:600;margin:2px 0 6px}
.verdict p{margin:3px 0}
.green{border-color:var(--green);background:var(--greenback)}.amber{border-color:var(--amber);background:var(--amberback)}
.red{border-color:var(--red);background:var(--redback)}
.statement{font-weight:600}.small{color:var(--quiet);font-size:13px}
.row{display:grid;grid-template-columns:repeat(var(--columns),minmax(0,1fr));gap:8px;margin:8px 0;break-inside:avoid}
figure{margin:0;background:#000;padding:4px 4px 6px;border-radius:3px;break-inside:avoid}
figcaption{color:#e2e5ea;font-size:13px;line-height:1.35;padding:5px 4px 0}
.shown{position:relative;margin:0 auto;width:100%;max-width:calc(78vh*var(--aspect))}
img{display:block;width:100%;image-rendering:pixelated}
.side{position:absolute;color:#ffd54a;font:600 13px/1 system-ui,sans-serif;text-shadow:0 0 3px #000,0 0 3px #000}
.left{left:3px;top:calc(50% - 6px)}.right{right:3px;top:calc(50% - 6px)}.top{top:3px;left:calc(50% - 5px)}
.bottom{bottom:3px;left:calc(50% - 5px)}
.frame{position:absolute;border:2px solid #ffd54a;box-shadow:0 0 0 1px #000}
.legend{max-width:620px;margin:6px 0 10px;break-inside:avoid}.bar{display:block;width:100%;height:16px;border:1px solid var(--line)}
.ends{display:flex;justify-content:space-between;gap:12px;font-size:13px}.ends span:nth-child(2){text-align:center}
.ends span:last-child{text-align:right}
.map,.zoom{break-inside:avoid}
.scroll{overflow-x:auto}table{border-collapse:collapse;margin:6px 0}
td,th{border:1px solid var(--line);padding:4px 9px;text-align:left;vertical-align:top;overflow-wrap:break-word}
th{background:var(--panel);font-weight:600}tr{break-inside:avoid}
td.number{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}tr.best{background:var(--best);font-weight:600}
.columns{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:8px 24px}
code{font-size:12px;word-break:break-all}
details{border:1px solid var(--line);border-radius:4px;padding:6px 12px;margin:10px 0}summary{cursor:pointer;font-weight:600}
@media (max-width:760px){.row{grid-template-columns:minmax(0,1fr)}}
@page{size:A4;margin:14mm}
@media print{:root{color-scheme:light;--ink:#000;--quiet:#444;--line:#bbb;--page:#fff;--panel:#f5f7f9;--best:#e3f2e8;
--green:#2e8b57;--amber:#d99a00;--red:#c0392b;--greenback:#e6f4ec;--amberback:#fdf3dc;--redback:#fbe5e2}
body{margin:0;padding:0;max-width:none;font-size:10.5pt}h1{font-size:15pt}h2{font-size:13pt}h2,h3,.map .legend{break-after:avoid}
.row{grid-template-columns:repeat(var(--columns),minmax(0,1fr))}.shown{max-width:calc(112mm*var(--aspect))}
.map .shown,.zoom .shown{max-width:calc(62mm*var(--aspect))}.map p,.zoom p{margin:2px 0}.map h2,.zoom h2{margin-top:14px}
.scroll{overflow:visible}table{font-size:8.5pt}td,th{padding:2px 5px}td.number{white-space:normal}
details{border:0;padding:0}summary{list-style:none;margin-top:8px}details::details-content{content-visibility:visible;display:block;height:auto}
*{print-color-adjust:exact;-webkit-print-color-adjust:exact}}
"""

CLOSING = f"{STATEMENT} Not a medical device; not for diagnosis."


def write_page(path: Path, title: str, parts: Sequence[str], style: str = "") -> None:
    """Write an HTML file.

    Args:
        path: where.
        title: of the window.
        parts: of the body, which are HTML already.
        style: what is added to that of all pages.
    """
    head = (
        f'<meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><title>{escape(title)}</title>'
        f"<style>{STYLE}{style}</style>"
    )
    body = "\n".join([*filter(None, parts), f'<p class="small">{escape(CLOSING)}</p>'])
    with replacing(path) as partial:
        partial.write_text(
            f'<!doctype html>\n<html lang="en"><head>{head}</head>\n<body>\n{body}\n</body></html>\n',
            encoding="utf-8",
        )


def folded(summary: str, content: str) -> str:
    """Content, HTML already, that is opened by a click, and printed whole; nothing where there is none."""
    return f"<details><summary>{escape(summary)}</summary>{content}</details>" if content else ""


def row_of(figures: Sequence[str]) -> str:
    """Pictures side by side, as wide as the page."""
    return f'<div class="row" style="--columns:{len(figures)}">{"".join(figures)}</div>'


def facts_table(facts: Mapping[str, Any]) -> str:
    """Names and what they are, one a line; those that are None are left out."""
    lines = (
        f"<tr><th>{escape(str(k).replace('_', ' '))}</th><td>{_value(v)}</td></tr>"
        for k, v in facts.items()
        if v is not None
    )
    return f'<div class="scroll"><table>{"".join(lines)}</table></div>'


def _value(value: Any) -> str:
    if isinstance(value, Mapping):
        return "<br>".join(f"{escape(str(k).replace('_', ' '))}: {_value(v)}" for k, v in value.items())
    if isinstance(value, (list, tuple)):
        nested = any(isinstance(v, Mapping) or len(str(v)) > 24 for v in value)
        return ("<br>" if nested else ", ").join(_value(v) for v in value)
    text = escape(str(value))
    return f"<code>{text}</code>" if isinstance(value, str) and len(value) == 64 else text
