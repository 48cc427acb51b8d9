"""Several runs on equal terms: the race of the three models, and sweeps over two settings."""
