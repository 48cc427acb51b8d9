"""Runs from their lock to their last checkpoint, and the lab that holds them all."""
