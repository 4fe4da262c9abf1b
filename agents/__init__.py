"""Searchers and learners: who proposes designs. Imports `dse` only; torch only inside `agents.learning`."""
