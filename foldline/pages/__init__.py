"""Pages of one HTML file: their frame, styles and scripts, shared by the viewer and the report."""
