"""PettingZoo environments over the same simulators that campaigns use."""
