"""Layout and callbacks, a page a module."""
