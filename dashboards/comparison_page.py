"""A comparison of searchers as one page: every figure and table, readable without a network."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterator, Sequence
from dataclasses import asdict
from typing import Any, NamedTuple

from plotly.offline import get_plotlyjs

from dashboards import labels
from dashboards.figures.comparison import comparison_figure
from dashboards.figures.style import FONT, LIGHT
from dse.comparison.result import Comparison, columns_of
from dse.comparison.rows import BudgetRow, Row, TargetRow

_ALL = "all"
_STYLE = f"""
body {{ font: 14px/1.5 {FONT}; color: {LIGHT.ink}; background: {LIGHT.paper};
  margin: 0 auto; max-width: 1180px; padding: 24px 28px 64px; }}
h1 {{ font-size: 22px; margin: 0 0 4px; }}
h2 {{ font-size: 17px; margin: 36px 0 4px; border-top: 1px solid {LIGHT.axis}; padding-top: 20px; }}
p, li {{ max-width: 860px; }}
p.note {{ color: {LIGHT.muted}; }}
nav a {{ margin-right: 16px; }}
a {{ color: {LIGHT.agents[0]}; }}
ul.warnings {{ border-left: 4px solid {LIGHT.worse}; background: {LIGHT.forbidden};
  margin: 16px 0; padding: 8px 16px 8px 32px; }}
.wide {{ overflow-x: auto; }}
table {{ border-collapse: collapse; margin: 12px 0; font-variant-numeric: tabular-nums; }}
th, td {{ padding: 3px 16px 3px 0; text-align: right; white-space: nowrap;
  border-bottom: 1px solid {LIGHT.grid}; }}
th {{ color: {LIGHT.muted}; font-weight: 600; border-bottom-color: {LIGHT.axis}; }}
th.text, td.text {{ text-align: left; }}
tr.best td {{ font-weight: 600; }}
summary {{ cursor: pointer; color: {LIGHT.agents[0]}; }}
"""


_CONFIG = {
    "displaylogo": False,
    "responsive": True,
    "displayModeBar": "hover",
    "modeBarButtons": [["toImage", "zoom2d", "pan2d", "resetScale2d"]],
    "plotlyServerURL": "",
    "showSendToCloud": False,
}


class Section(NamedTuple):
    """A part of the page. name: of its table, too, where it has one; figure: a kind of figure, or none."""

    name: str
    head: str
    figure: str = ""
    note: str = ""


_SECTIONS = (
    Section("anytime", "Anytime curves", "anytime"),
    Section(
        "budgets",
        "Regret at each budget",
        "intervals",
        "Interquartile mean over all runs of all cells, with the interval of a bootstrap within each cell. "
        "In the table the least of each budget is bold, whether or not that is more than luck.",
    ),
    Section(
        "profiles",
        "Performance profiles",
        "profiles",
        "Share of all runs with at most so much regret: higher is better. Where curves cross, neither agent "
        "is better throughout. Bands are pointwise.",
    ),
    Section(
        "improvement",
        "Probability of improvement",
        "improvement",
        "How likely a run of the agent has less regret than one of the control, mean over cells; not by how "
        "much. An interval that holds 0.5 is no evidence.",
    ),
    Section(
        "targets",
        "Simulations to a target",
        note="Median: Kaplan and Meier's, in which a run that ended before it arrived (censored) might have "
        "arrived later. Expected: ERT, everything that was spent over the number of arrivals.",
    ),
    Section(
        "wins", "Wins", note="The least median regret of a cell at the last budget; clear if not just luck."
    ),
    Section(
        "entries",
        "Entries of one algorithm",
        "entries",
        "How much its options matter. The default is the entry without options of its own.",
    ),
    Section(
        "effort",
        "What the runs asked for",
        note="Means over runs. Proposals beyond what was simulated are designs that the run knew already, "
        "which cost nothing here.",
    ),
    Section("cells", "What was compared"),
)


def comparison_page(found: Comparison) -> str:
    """The page as HTML, with plotly.js in it."""
    title = html.escape(f"Comparison: {found.name}")
    sections = [part for part in _SECTIONS if part.name != "entries" or found.entries]
    links = "".join(f'<a href="#{part.name}">{html.escape(part.head)}</a>' for part in sections)
    return "\n".join(
        (
            "<!DOCTYPE html>",
            f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
            '<link rel="icon" href="data:,">',
            f"<style>{_STYLE}</style><script>{get_plotlyjs()}</script></head><body>",
            f"<h1>{title}</h1>",
            f"<p>{_summary(found)}</p>",
            _list("warnings", found.warnings),
            f"<nav>{links}</nav>",
            *(part for section in sections for part in _section(found, section)),
            '<h2 id="method">How it was measured</h2>',
            _list("notes", (*found.notes, f"Bootstrap intervals are of 95 %, seed {found.seed}.")),
            "</body></html>",
            "",
        )
    )


def _summary(found: Comparison) -> str:
    last = found.budgets_compared[-1]
    rows = [row for row in found.budgets if (row.cell, row.budget) == (_ALL, last)]
    best = min(rows, key=lambda row: row.iqm)
    runs = sum(row.runs for row in rows)
    cells = f"{len(found.cells)} cells" if len(found.cells) > 1 else "1 cell"
    text = (
        f"{len(found.agents)} agents, {cells}, {runs} runs. After {labels.count(last)} unique simulations "
        f"{best.agent} has the least regret: interquartile mean {_number(best.iqm)} "
        f"({_number(best.iqm_low)} to {_number(best.iqm_high)})."
    )
    overlapping = [row.agent for row in rows if row is not best and row.iqm_low <= best.iqm_high]
    if overlapping:
        text += f" Intervals that overlap with its own: {'; '.join(overlapping)}."
    return html.escape(text)


def _section(found: Comparison, section: Section) -> Iterator[str]:
    name = section.name
    yield f'<h2 id="{name}">{html.escape(section.head)}</h2>'
    if section.note:
        yield f'<p class="note">{html.escape(section.note)}</p>'
    if section.figure:
        drawn = comparison_figure(found, section.figure)
        yield drawn.to_html(full_html=False, include_plotlyjs=False, div_id=f"figure-{name}", config=_CONFIG)
    if name in ("budgets", "targets"):
        yield _whole_and_each(found, name)
    elif name == "entries":
        yield _table("algorithms", found.algorithms) + _table("entries", found.entries)
    elif name not in ("anytime", "profiles"):
        yield _table(name, found.rows(name))


def _whole_and_each(found: Comparison, name: str) -> str:
    """A table over all cells, and folded away cell by cell."""
    whole = [row for row in found.rows(name) if isinstance(row, BudgetRow | TargetRow) and row.cell == _ALL]
    each = [row for row in found.rows(name) if row not in whole]
    text = _table(name, whole, best=_best(whole))
    if len(found.cells) == 1:
        return text
    return f"{text}<details><summary>Cell by cell</summary>{_table(name, each, best=_best(each))}</details>"


def _best(rows: Sequence[Row]) -> set[int]:
    """Positions of the least IQM of each cell and budget."""
    least: dict[tuple[str, int], float] = {}
    scored = [(i, row) for i, row in enumerate(rows) if isinstance(row, BudgetRow)]
    for _, row in scored:
        key = (row.cell, row.budget)
        least[key] = min(row.iqm, least.get(key, row.iqm))
    return {i for i, row in scored if row.iqm == least[row.cell, row.budget]}


def _table(name: str, rows: Sequence[Row], best: Collection[int] = ()) -> str:
    columns = columns_of(name)
    records = [asdict(row) for row in rows]
    text = [c for c in columns if any(isinstance(record[c], str) for record in records)]
    marked = {c: ' class="text"' if c in text else "" for c in columns}
    marks = dict.fromkeys(best, ' class="best"')
    head = "".join(f"<th{marked[c]}>{html.escape(c.replace('_', ' '))}</th>" for c in columns)
    body = "".join(
        f"<tr{marks.get(i, '')}>"
        + "".join(f"<td{marked[c]}>{html.escape(_shown(record[c]))}</td>" for c in columns)
        + "</tr>"
        for i, record in enumerate(records)
    )
    return f'<div class="wide"><table id="table-{name}"><tr>{head}</tr>{body}</table></div>'


def _shown(value: Any) -> str:
    if value is None:
        return labels.MISSING
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, int):
        return labels.count(value)
    return _number(value) if isinstance(value, float) else str(value)


def _number(value: float) -> str:
    return labels.number(value, 3)


def _list(kind: str, items: Sequence[str]) -> str:
    entries = "".join(f"<li>{html.escape(item)}</li>" for item in items)
    return f'<ul class="{kind}">{entries}</ul>' if items else ""
