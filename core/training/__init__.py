"""One training step: forward and backward pass, optimiser, device; and what steps will cost."""
