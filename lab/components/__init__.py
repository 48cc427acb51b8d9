"""Thin components-v2 wrappers: one Python file and one small script file per kind of picture."""
