"""An import's parts: `sources` say what a file is, `guessing` what its columns are."""
