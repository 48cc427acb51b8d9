"""The life of a run, from its lock to its last checkpoint: `active_run` trains, saves and ends it.

`resuming` takes it up again, `branch` goes back; `lab` is the lab home with all runs and texts.
"""
