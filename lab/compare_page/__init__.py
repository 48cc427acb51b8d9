"""Parts of the Compare page, which begins in `lab/app_pages/compare.py`."""
