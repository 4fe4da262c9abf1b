"""`python -m dse.cli` is `dse`."""

from __future__ import annotations

from dse.cli import main

main()
