"""One run on the bench: its buttons, its curve, answers about it, what it writes."""
