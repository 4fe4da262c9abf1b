"""Errors of the environments, beside those of `dse.errors`."""

from __future__ import annotations

from dse.errors import InputError, SpaceError


class ActionError(SpaceError):
    """An action, or a set of them, that the agents of an environment cannot take."""


class EpisodeError(InputError):
    """A step before the first reset, or after the end of an episode."""
