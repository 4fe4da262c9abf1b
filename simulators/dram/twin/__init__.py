"""The parts of the readable twin, `simulators.dram.reference`."""
