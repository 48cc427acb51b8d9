"""Runs and models on their way out of the lab and into it."""
