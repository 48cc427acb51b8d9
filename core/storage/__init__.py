"""Files and folders of the lab home: where they lie, locks, checkpoints, snapshots.

Knows no model; rows with numbers are `core.registry`'s.
"""
