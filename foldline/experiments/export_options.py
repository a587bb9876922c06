"""The options of `python -m foldline export`."""

import argparse
from pathlib import Path

MODEL = Path("models/model")
FOLDER = Path("models/onnx")


def parser() -> argparse.ArgumentParser:
    """Give the parser of the verb's options."""
    made = argparse.ArgumentParser(
        prog="python -m foldline export",
        description="Write the trained transformer as a folder for onnxruntime: graph, tokenizer, "
        "config with the labels' names, and a README with the lines that use it. Its predictions "
        "are compared with the model's own, and where they differ nothing is written. It needs "
        "the extra `onnx`.",
    )
    made.add_argument(
        "--model", type=Path, default=MODEL, help=f"folder to read (default: {MODEL.as_posix()})"
    )
    made.add_argument(
        "--out", type=Path, default=FOLDER, help=f"folder to write (default: {FOLDER.as_posix()})"
    )
    made.add_argument(
        "--int8",
        choices=("yes", "no"),
        default="no",
        help="also model_int8.onnx, with weights of eight bits (default: %(default)s)",
    )
    return made
