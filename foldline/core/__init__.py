"""Types of params.yaml, the stage runner, errors and the environment record.

No stage of dvc.yaml depends on what is here but `io`: it checks, starts and reports a run, and must
not change its result.
"""
