"""The work of the pipeline, in rooms: plain functions on tables and arrays."""
