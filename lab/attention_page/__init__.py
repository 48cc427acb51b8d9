"""Parts of the Attention page, which begins in `lab/app_pages/attention.py`."""
