"""Every picture as a pure function: plain data in, a Plotly figure or SVG text out.

Knows no screen, disk or clock. `palette` has every colour.
"""
