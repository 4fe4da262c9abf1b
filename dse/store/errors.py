"""Messages about a store that say what happened to it, what is kept, and what to do."""

from __future__ import annotations

from dse.errors import StoreError


def not_ours(place: object, why: str) -> StoreError:
    """The database belongs to something else; it is left untouched."""
    return StoreError(f"{place} is not a store of marl-dse ({why}); nothing was written. Name another file")


def full(place: object) -> StoreError:
    """There is no room for more trials."""
    return StoreError(
        f"no space left on the disk of store {place}; every trial up to the last commit is kept. "
        "Make room, then use `dse resume`"
    )


def locked(place: object) -> StoreError:
    """Another program is in the way."""
    return StoreError(
        f"store {place} is locked by another program that writes to it; every finished trial is kept. "
        "Wait for it or end it, then use `dse resume`"
    )


def running(place: object, campaign: int) -> StoreError:
    """Another process has the campaign."""
    return StoreError(
        f"campaign {campaign} of store {place} is locked: another process is running it. "
        "Watch it with `dse dashboard`, or end that process first"
    )
