"""The report of a run: one page for people, and a model card."""
