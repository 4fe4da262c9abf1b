"""Task graphs: workloads of tasks and bytes, mapped to processing elements, in phases."""
