"""Runs that belong together, on equal terms: races and sweeps."""
