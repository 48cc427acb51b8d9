"""One training step of the run on the bench, told in scenes on a private copy."""
