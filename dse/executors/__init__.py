"""Executors: where simulations run. Threads by default, processes with limits, or a Dask cluster.

Which one runs a campaign, and with how many workers, never changes a result: metrics are a pure function of
design and workloads, and answers come back in the order of the rows.
"""

from dse.executors.protocol import Executor, ExecutorOptions
from dse.executors.registry import EXECUTORS, check_options, make_executor

__all__ = ["EXECUTORS", "Executor", "ExecutorOptions", "check_options", "make_executor"]
