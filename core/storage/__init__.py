"""Files, and who may write them: the lab home, locks, checkpoints, snapshots. Knows no model."""
