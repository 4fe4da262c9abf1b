"""The SoC simulator: cores, caches, interconnect, accelerators, clock domains, our DRAM inside."""
