"""Conformance suites that authors of searchers and simulators run on their own."""
