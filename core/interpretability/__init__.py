"""Ways to look inside a trained model. Pure: a model, a vocabulary and tensors in, numbers out."""
