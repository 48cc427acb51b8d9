"""What Streamlit cannot do: a plot that keeps its zoom and hears clicks, and coloured text.

One Python file, and where something is drawn, one script file of the same name.
"""
