"""The four views of the Train page: one run, a race, a sweep, and the runs there are.

It begins in `lab/app_pages/train.py`; `link` and `linking` are its address, and `picture` draws the
model that the sliders describe.
"""
