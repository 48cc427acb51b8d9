"""Runs and models in and out: a whole run as one file, and other programs' formats.

`archive` moves whole runs, `export_import` models; each format has a file in `formats`.
"""
