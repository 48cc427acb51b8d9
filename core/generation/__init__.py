"""How a model writes: sampling, the decoder with its key-value cache, and how much is words."""
