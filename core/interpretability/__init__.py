"""Looking inside a trained model: what its attention heads do, and what follows what.

Pure: a model, a vocabulary and tensors in, numbers out.
"""
