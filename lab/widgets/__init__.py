"""Controls that several pages have. Nothing here belongs to one page."""
