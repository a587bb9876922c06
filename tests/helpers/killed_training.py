"""A training that ends in its midst, as by a kill."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from transformers import Trainer


class KilledError(Exception):
    """Stands for a kill: nothing after it runs, the files stay."""


@contextmanager
def kill_after_saves(saves: int, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Let training end with `Killed` when it has written so many checkpoints."""
    save, done = Trainer._save_checkpoint, []

    def saving(self: Any, *arguments: Any) -> None:
        save(self, *arguments)
        done.append(1)
        if len(done) == saves:
            raise KilledError

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "_save_checkpoint", saving)
        with pytest.raises(KilledError):
            yield
