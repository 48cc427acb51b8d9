"""The sweep: a grid of small runs, one heat map."""
