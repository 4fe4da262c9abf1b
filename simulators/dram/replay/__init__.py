"""What `dse replay` shows of a run, or of two."""
