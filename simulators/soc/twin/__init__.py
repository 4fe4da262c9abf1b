"""The parts of the readable twin, `simulators.soc.reference`."""
