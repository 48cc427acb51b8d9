"""One step of one run: forward and backward pass, optimisers, learning rate, devices.

`trainer` takes the step, `evaluation` measures a loss, `preflight` says what a run will cost.
"""
