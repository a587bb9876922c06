"""Compare runs: ablations, each a DVC experiment of its own (`ablation.main`)."""
