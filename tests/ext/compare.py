"""Compare the DRAM engine with its twin on many random cases, and write down what was compared.

    python -m tests.ext.compare 0 10000 --record tests/ext/twin_record.json
    python -m tests.ext.compare 0 4000 --plain --record tests/ext/twin_record_plain.json

Each case is a pure function of its number (`tests.ext.dram_cases`): a difference can be looked at again.
Exits with 1 when there is any. Takes about 0.1 s a case and core.
"""

from __future__ import annotations

import argparse
import json
import sys
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import NamedTuple

from ext.dram_engine import SOURCE_HASH
from tests.ext.dram_cases import first_difference, plain_case, random_case


class Outcome(NamedTuple):
    """One case: how much there was to compare, and the first difference, or None."""

    number: int
    requests: int
    is_retuned: bool
    difference: str | None


def compared(number: int, plain: bool = False) -> Outcome:
    case = plain_case(number) if plain else random_case(number)
    return Outcome(number, len(case.requests), bool(case.retunings), first_difference(case))


def main() -> int:
    parser = argparse.ArgumentParser(description="Compare the DRAM engine with its twin on random cases.")
    parser.add_argument("first", type=int)
    parser.add_argument("end", type=int)
    parser.add_argument("--record", type=Path, help="write a JSON record there")
    parser.add_argument("--plain", action="store_true", help="policies that the faster loops are for")
    parser.add_argument("--workers", type=int, default=2)
    options = parser.parse_args()
    with ProcessPoolExecutor(options.workers) as pool:
        task = partial(compared, plain=options.plain)
        outcomes = list(pool.map(task, range(options.first, options.end), chunksize=25))
    record = {
        "when": datetime.now(UTC).isoformat(timespec="minutes"),
        "engine_source_hash": SOURCE_HASH,
        "policies": "plain" if options.plain else "any",
        "cases": [options.first, options.end],
        "requests": sum(outcome.requests for outcome in outcomes),
        "retuned_cases": sum(outcome.is_retuned for outcome in outcomes),
        "differences": {outcome.number: outcome.difference for outcome in outcomes if outcome.difference},
    }
    text = json.dumps(record, indent=2) + "\n"
    sys.stdout.write(text)
    if options.record is not None:
        options.record.write_text(text, encoding="utf-8")
    return 1 if record["differences"] else 0


if __name__ == "__main__":
    raise SystemExit(main())
