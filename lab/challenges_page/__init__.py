"""Challenges: small goals scored from runs, and the game of guesses."""
