"""The DRAM controller: standards as data, the readable twin, the engine, the audit, energy."""
