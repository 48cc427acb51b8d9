"""The ladder of ideas: from the bigram table to the transformer, one idea at a time."""
