"""Compiled kernels: numbers in, numbers out. Built by `python setup.py build_ext --inplace`."""
