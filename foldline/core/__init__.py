"""Types of params.yaml, the stage runner, errors and the environment record.

Nothing here but `io` can change a result, so no stage of dvc.yaml depends on the rest.
"""
