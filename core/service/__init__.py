"""The one background thread that trains, and what pages and commands may ask of it."""
