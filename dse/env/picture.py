"""A design beside the reference design, as a table of text."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from dse.env.context import Context
from dse.env.problem import DesignProblem, Outcomes
from dse.metrics import Metrics
from dse.space import IndexMatrix


def design_table(problem: DesignProblem, context: Context, row: IndexMatrix, outcome: Outcomes) -> str:
    """Parameters, objectives, constraints of one design; what differs from the reference is marked by *."""
    reference, metrics = problem.baseline_metrics(context.workload), outcome.metrics[0]
    lines = _parameters(problem, row)
    lines += [("", "", "", ""), ("objective", "design", "reference", "times better")]
    for objective, gained in zip(problem.objectives, outcome.improvement[0], strict=True):
        better = "" if metrics is None else f"{np.exp(gained):.3g}"
        shown = (_shown(metrics, objective.metric), _number(reference, objective.metric), better)
        lines.append((objective.text, *shown))
    lines += [("", "", "", ""), ("constraint", "violation", "", "")]
    names = problem.names_under(context.bounds)
    for name, violation in zip(names, outcome.violations[0], strict=True):
        lines.append((name, f"{violation:.3g}", "", "broken" if violation > 0 else "met"))
    title = f"workload {problem.workloads[context.workload].name}: "
    return title + ("feasible" if outcome.feasible[0] else "infeasible") + "\n" + _aligned(lines)


def live_table(
    problem: DesignProblem, context: Context, row: IndexMatrix, saved: Sequence[float], progress: float
) -> str:
    """What runs beside the reference, and shares of the reference's costs that the last epoch saved."""
    lines = [*_parameters(problem, row), ("", "", "", ""), ("objective", "saved", "", "")]
    lines += [
        (objective.text, f"{100 * share:.3g} %", "", "")
        for objective, share in zip(problem.objectives, saved, strict=True)
    ]
    return f"workload {problem.workloads[context.workload].name}: {progress:.1%} done\n" + _aligned(lines)


def _parameters(problem: DesignProblem, row: IndexMatrix) -> list[tuple[str, str, str, str]]:
    lines = [("parameter", "design", "reference", "")]
    for parameter, here, there in zip(
        problem.space.parameters, row.tolist(), problem.baseline_row.tolist(), strict=True
    ):
        mark = "" if here == there else "*"
        lines.append((parameter.name, str(parameter.values[here]), str(parameter.values[there]), mark))
    return lines


def _shown(metrics: Metrics | None, metric: str) -> str:
    return "not simulated" if metrics is None else _number(metrics, metric)


def _number(metrics: Metrics | None, metric: str) -> str:
    return f"{getattr(metrics, metric):.6g}"


def _aligned(lines: Sequence[tuple[str, ...]]) -> str:
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    texts = [
        "  ".join(f"{cell:<{width}}" for cell, width in zip(line, widths, strict=True)) for line in lines
    ]
    return "\n".join(text.rstrip() for text in texts)
