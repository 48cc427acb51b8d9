"""Parts of the Model page, which begins in `lab/app_pages/model.py`."""
