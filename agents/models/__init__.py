"""Surrogates: online models of a simulator's metrics with uncertainty, and how far they can be trusted."""
