"""Learners written in torch; one algorithm, one file."""
