"""The GPUs of this machine, found without importing torch."""

import os
import shutil
import subprocess
from functools import cache


@cache
def list_gpus() -> list[str]:
    """Return the GPUs that tasks may use, each as a value of CUDA_VISIBLE_DEVICES."""
    visible = os.environ.get("CUDA_VISIBLE_DEVICES")
    if visible is not None:
        return [name for name in visible.split(",") if name.strip() and name.strip() != "-1"]
    if shutil.which("nvidia-smi") is None:
        return []
    query = ["nvidia-smi", "--query-gpu=uuid", "--format=csv,noheader"]
    result = subprocess.run(query, capture_output=True, text=True, check=False)
    return result.stdout.split() if result.returncode == 0 else []
