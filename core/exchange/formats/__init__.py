"""Models on their way to other programs and back: one file for each format.

Knows models, vocabularies and files; nothing of the lab's registry. Which run is meant, and what
becomes of a model that comes in, is `core.exchange.export_import`'s.
"""
