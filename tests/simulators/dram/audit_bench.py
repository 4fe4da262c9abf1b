"""Logs written by hand: `log_of((cycle, name, bank or rank, row), ...)`, and what the audit finds in them."""

from __future__ import annotations

from simulators.dram.audit import CommandLog, audit

OF_A_RANK = ("PREA", "REF", "RFM", "PDE", "PDX", "SRE", "SRX")


def log_of(limits, *commands):
    """Commands as (cycle, name, place, row), place and row 0 unless given.

    The place is a bank of the channel, or the rank of a command to a rank.
    """
    rows = [(*command, *(0, 0)[len(command) - 2 :]) for command in commands]
    cycle, name, place, row = zip(*rows, strict=True)
    is_ranked = [command in OF_A_RANK for command in name]
    rank = [p if r else p // limits.banks for p, r in zip(place, is_ranked, strict=True)]
    bank = [-1 if r else p for p, r in zip(place, is_ranked, strict=True)]
    return CommandLog.of(cycle=cycle, command=name, rank=rank, bank=bank, row=row, column=0)


def rules_broken(limits, *commands, **options):
    """Names of the rules that these commands break."""
    return {violation.rule for violation in audit(log_of(limits, *commands), limits, **options)}
