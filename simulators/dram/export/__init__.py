"""A design written as the configuration of another simulator."""
