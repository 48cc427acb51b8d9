"""What Streamlit cannot do: a plot that keeps its zoom and hears clicks, and coloured text.

One Python file, and where something is drawn, a script file of the same name; what several scripts
need, or can be tested by itself, stands in one of its own.
"""
