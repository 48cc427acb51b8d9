"""How a model writes: drawing each character (`sampling`), and quickly (`decoding`).

`spelling` says how much of what was written is words.
"""
