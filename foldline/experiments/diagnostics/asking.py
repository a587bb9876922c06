"""The command line of a diagnosis; nothing heavy is imported here."""

import argparse


def asked(verb: str, description: str, arguments: list[str]) -> argparse.Namespace:
    """Read a command line that takes nothing but `--help`."""
    parser = argparse.ArgumentParser(
        prog=f"python -m foldline {verb}",
        description=description,
        epilog=f"Reads params.yaml and the tables of `dvc repro augment`; writes "
        f"metrics/diagnostics/{verb}.json. The exit code is 1 where something is wrong.",
    )
    return parser.parse_args(arguments)
