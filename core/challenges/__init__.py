"""Challenges: small goals, scored from what runs of one text measured, and a game of guesses.

Scores are derived from runs and are never stored; what a learner said beforehand is (`kept`).
"""
