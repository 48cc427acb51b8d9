"""Frozen values that rooms hand to each other: runs, measurements, a run's course of settings."""
