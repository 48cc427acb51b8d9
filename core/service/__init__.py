"""The background thread that trains (`worker`), and what pages may ask of it (`service`)."""
