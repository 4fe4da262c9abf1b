"""What a design chooses beside the chip: the program, where it exists in several versions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dse.errors import InputError
from dse.point import DesignPoint
from simulators.soc.parameters import SOFTWARE, SOFTWARE_PARAMETERS, parameters
from traces.catalog import INSTRUCTION_CATALOG


def software_choice(point: DesignPoint | Mapping[str, Any]) -> str | None:
    """The shipped sample of instructions that a design runs; None: the workload says what is run.

    InputError where the program was not recorded so.
    """
    design = point.to_dict() if isinstance(point, DesignPoint) else point
    chosen = {name: design[name] for name in SOFTWARE_PARAMETERS if name in design}
    if not chosen:
        return None
    wanted = {name: parameters()[name].default for name in SOFTWARE_PARAMETERS} | chosen
    for row in INSTRUCTION_CATALOG.values():
        is_it = row.program == SOFTWARE and row.complete
        if is_it and all(getattr(row, name) == value for name, value in wanted.items()):
            return row.name
    raise InputError(f"{SOFTWARE!r} was not recorded with {wanted}: there is no sample of it")
