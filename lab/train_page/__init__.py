"""The views of the Train page: one run, a race, a sweep, and the runs there are."""
