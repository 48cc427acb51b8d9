"""The sweep: a grid of small runs over two settings, as one heat map."""
