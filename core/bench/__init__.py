"""Measurements of the lab on this machine, as ratios against a rival in the same process.

`rival` is whom we race, `measure` takes the times, `report` puts the table together. Knows models
and trainers, a corpus and a folder to throw away; nothing of the lab home.
"""
