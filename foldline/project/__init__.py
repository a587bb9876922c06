"""Changes to a project's own files: what `dvc.yaml` must name, `foldline eject`, `foldline new`."""
