"""Plots in two steps: a small named tuple computed from a frame, then a figure drawn from it."""
