"""Pure builders of Plotly figures: plain data in, `go.Figure` out, no screen, disk or clock."""
