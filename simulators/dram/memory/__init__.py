"""Memories as data: standards, devices, constraints, address mappings, and their bounds."""
