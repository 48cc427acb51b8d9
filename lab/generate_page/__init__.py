"""Parts of the Generate page, which begins in `lab/app_pages/generate.py`."""
