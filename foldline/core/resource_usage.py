"""Resource usage of this process while it works: processor, memory and GPU, sampled."""

import ctypes
import sys
import threading
import time
from contextlib import suppress
from typing import Any, Self

import psutil

SECONDS = 2.0  # between two samples
MEGABYTE = 1e6
NVML = "nvml.dll" if sys.platform == "win32" else "libnvidia-ml.so.1"


def read_peak_memory() -> float:
    """Return the peak memory of this process in bytes."""
    if sys.platform == "win32":
        return float(psutil.Process().memory_info().peak_wset)
    import resource

    unit = 1 if sys.platform == "darwin" else 1024  # bytes on macOS, kilobytes on Linux
    return float(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit)


class Usage:
    """Context manager that samples this process in a thread.

    `cpu_percent` is 100 for one busy core; memory is resident, in megabytes; GPU values are those
    of the whole first GPU of torch, if NVML provides them.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.samples: list[dict[str, float]] = []
        self._process = psutil.Process()
        self._stopped = threading.Event()
        self._gpu: Gpu | None = None
        self._gpu_checked = False

    def __enter__(self) -> Self:
        self._start_time, self._start_cpu = time.perf_counter(), self._cpu()
        self._sample(time.perf_counter(), self._cpu())
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stopped.set()
        self._thread.join()
        self._sample(self._start_time, self._start_cpu)
        self._mean_cpu_percent = (
            100
            * (self._cpu() - self._start_cpu)
            / max(time.perf_counter() - self._start_time, 1e-9)
        )

    def summarize(self) -> dict[str, dict[str, float]]:
        """Return mean and peak of each value, after the context has ended."""
        names = dict.fromkeys(name for sample in self.samples for name in sample)
        figures = {}
        for name in names:
            values = [sample[name] for sample in self.samples if name in sample]
            mean = self._mean_cpu_percent if name == "cpu_percent" else sum(values) / len(values)
            figures[name] = {"mean": round(mean, 1), "peak": round(max(values), 1)}
        return figures

    def _watch(self) -> None:
        clock, cpu = time.perf_counter(), self._cpu()
        while not self._stopped.wait(self.seconds):
            with suppress(psutil.Error, OSError):  # the next sample may succeed
                self._sample(clock, cpu)
            clock, cpu = time.perf_counter(), self._cpu()

    def _sample(self, clock: float, cpu: float) -> None:
        """Take a sample; `clock` and `cpu` are wall and CPU seconds at the previous one."""
        sample = {"memory_mb": self._process.memory_info().rss / MEGABYTE}
        elapsed = time.perf_counter() - clock
        if elapsed > self.seconds / 4:  # CPU time is coarse
            sample["cpu_percent"] = 100 * (self._cpu() - cpu) / elapsed
        self.samples.append(sample | self._gpu_sample())

    def _cpu(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _gpu_sample(self) -> dict[str, float]:
        """Return the values of the GPU; torch is never imported for them."""
        cuda = getattr(sys.modules.get("torch"), "cuda", None)
        is_initialized = getattr(
            cuda, "is_initialized", lambda: False
        )  # torch may be half imported
        if not self._gpu_checked and is_initialized():
            self._gpu_checked = True
            with suppress(OSError, AttributeError):  # no NVML, or an old one
                self._gpu = Gpu(_uuid(cuda))
        if self._gpu is None:
            return {}
        try:
            return self._gpu.read()
        except OSError:  # a partition of a GPU has no values
            return {}


class Gpu:
    """Utilisation of a GPU by NVML, which is part of the driver.

    Raises:
        OSError: if the library or the GPU is missing, or provides no values.
    """

    def __init__(self, uuid: str) -> None:
        self.nvml = ctypes.CDLL(NVML)
        self.handle = ctypes.c_void_p()
        self._call("nvmlInit_v2")
        self._call("nvmlDeviceGetHandleByUUID", uuid.encode(), ctypes.byref(self.handle))

    def read(self) -> dict[str, float]:
        """Return `gpu_percent`, the share of the time it worked, and `gpu_memory_mb` in use."""
        rates = (ctypes.c_uint * 2)()  # the GPU, its memory
        memory = (ctypes.c_ulonglong * 3)()  # total, free, used; in bytes
        self._call("nvmlDeviceGetUtilizationRates", self.handle, ctypes.byref(rates))
        self._call("nvmlDeviceGetMemoryInfo", self.handle, ctypes.byref(memory))
        return {"gpu_percent": float(rates[0]), "gpu_memory_mb": memory[2] / MEGABYTE}

    def _call(self, name: str, *arguments: Any) -> None:
        status = getattr(self.nvml, name)(*arguments)
        if status:
            raise OSError(f"{name} gave {status}")


def _uuid(cuda: Any) -> str:
    return f"GPU-{cuda.get_device_properties(0).uuid}"
