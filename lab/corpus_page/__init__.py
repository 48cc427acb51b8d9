"""Parts of the Corpus page, which begins in `lab/app_pages/corpus.py`."""
