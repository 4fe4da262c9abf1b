"""Power, energy, area and temperature of an SoC, as pure functions of its design and of counted events."""
