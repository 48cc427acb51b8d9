"""Parts of the Bigram page, which begins in `lab/app_pages/bigram.py`."""
