"""The machines that are tuned."""
