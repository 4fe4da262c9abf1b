"""The store: append-only trials in SQLite."""
