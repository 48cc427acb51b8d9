"""What is known of runs, as plain frozen values that the rooms hand to each other.

So a run, a step and an estimate are, and a run's settings step by step (`course`).
"""
