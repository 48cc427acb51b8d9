"""What several pages have: sliders of settings, pickers of runs and checkpoints, switches."""
