"""What a piece of work takes of its machine: processor, memory, GPU, sampled while it runs."""

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


class Usage:
    """Samples this process by a thread, from entering to leaving.

    `cpu_percent` is 100 for one busy core; memory is resident, in megabytes; the GPU's figures are
    those of the whole GPU that torch uses first, where NVML tells them.
    """

    def __init__(self, seconds: float = SECONDS) -> None:
        self.seconds = seconds
        self.samples: list[dict[str, float]] = []
        self._process = psutil.Process()
        self._over = threading.Event()
        self._gpu: Gpu | None = None
        self._asked = False

    def __enter__(self) -> Self:
        self._begun, self._before = time.perf_counter(), self._cpu()
        self._sample(time.perf_counter(), self._cpu())
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()
        self._sample(self._begun, self._before)
        self._whole = (
            100 * (self._cpu() - self._before) / max(time.perf_counter() - self._begun, 1e-9)
        )

    def found(self) -> dict[str, dict[str, float]]:
        """Return mean and peak of each figure, once left."""
        names = dict.fromkeys(name for sample in self.samples for name in sample)
        found = {}
        for name in names:
            values = [sample[name] for sample in self.samples if name in sample]
            mean = self._whole if name == "cpu_percent" else sum(values) / len(values)
            found[name] = {"mean": round(mean, 1), "peak": round(max(values), 1)}
        return found

    def _watch(self) -> None:
        clock, cpu = time.perf_counter(), self._cpu()
        while not self._over.wait(self.seconds):
            with suppress(psutil.Error, OSError):  # the next sample may be had
                self._sample(clock, cpu)
            clock, cpu = time.perf_counter(), self._cpu()

    def _sample(self, clock: float, cpu: float) -> None:
        """Take a sample; the processor's share is that since `clock`, when `cpu` was used up."""
        sample = {"memory_mb": self._process.memory_info().rss / MEGABYTE}
        passed = time.perf_counter() - clock
        if passed > self.seconds / 4:  # the clock of the processor is coarse
            sample["cpu_percent"] = 100 * (self._cpu() - cpu) / passed
        self.samples.append(sample | self._gpu_sample())

    def _cpu(self) -> float:
        times = self._process.cpu_times()
        return float(times.user + times.system)

    def _gpu_sample(self) -> dict[str, float]:
        """Return the GPU's figures; torch is looked at, and never imported for them."""
        cuda = getattr(sys.modules.get("torch"), "cuda", None)
        begun = getattr(cuda, "is_initialized", lambda: False)  # torch may be half imported
        if not self._asked and begun():
            self._asked = True
            with suppress(OSError, AttributeError):  # no NVML, or an older one
                self._gpu = Gpu(_uuid(cuda))
        if self._gpu is None:
            return {}
        try:
            return self._gpu.read()
        except OSError:  # parts of a shared GPU have no figures
            return {}


class Gpu:
    """A GPU's figures by NVML, which comes with the driver: no package is needed.

    Raises:
        OSError: where the library or the GPU is not there, or does not tell.
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
