"""Models of the hub: which commit was taken stands in the record; what is not here is told soon."""

from pathlib import Path

import pytest

from foldline.augmentation.external_inputs import hash_external_inputs, read_hub_commits
from foldline.augmentation.nlpaug_adapter import load_augmenter
from foldline.core.errors import FoldlineError
from foldline.core.params import Nlpaug
from foldline.encoders import hub
from tests.helpers.model_folders import COMMIT, write_cached_model, write_model_folder


@pytest.fixture
def cached_encoder(monkeypatch, tmp_path) -> None:
    """Let one model of the hub lie in the cache on this disk."""
    write_cached_model(monkeypatch, tmp_path / "cache", "nobody/encoder", {"config.json": "{}"})


def test_a_commit_is_read_from_this_disk(cached_encoder, tmp_path) -> None:
    assert hub.cached_commit("nobody/encoder") == COMMIT
    assert hub.cached_commit("nobody/else") is None
    assert hub.cached_commit(str(tmp_path)) is None


def test_hub_ids_that_balancing_reads_have_a_commit_and_folders_a_hash(
    cached_encoder, augment, workplace
) -> None:
    write_model_folder(workplace / "models/pretrained/back")
    translated = {"there": "nobody/encoder", "back": "models/pretrained/back"}
    options = {f"backtranslation.{key}": name for key, name in translated.items()}
    under = {"undersample.encoder": "nobody/else", "undersample.features": "embeddings"}

    own = augment(options | under | {"undersample.method": "tomek"}, method="backtranslation")
    assert read_hub_commits(own) == {"nobody/encoder": COMMIT, "nobody/else": None}
    assert list(hash_external_inputs(own)) == ["models/pretrained/back"]
    # What is named and not read is no part of the record.
    assert read_hub_commits(augment(options | under, method="aeda")) == {}


@pytest.mark.parametrize(
    ("name", "options", "found"),
    [
        ("ContextualWordEmbsAug", {}, "model_path='bert-base-uncased'"),
        (
            "ContextualWordEmbsAug",
            {"model_path": "models/pretrained/x"},
            "model_path='models/pretrained/x'",
        ),
        ("BackTranslationAug", {}, "from_model_name='facebook/wmt19-en-de'"),
    ],
)
@pytest.mark.slow  # nlpaug's augmenters of words take seconds to import
def test_an_augmenter_whose_model_is_not_here_asks_no_hub(name, options, found, monkeypatch):
    monkeypatch.setattr("socket.getaddrinfo", lambda *args, **how: pytest.fail("asked a server"))

    with pytest.raises(FoldlineError, match=f"there is no folder or file {found}"):
        load_augmenter(Nlpaug(name=name, options=options))


@pytest.mark.slow
def test_a_folder_is_left_to_nlpaug(workplace) -> None:
    folder = "models/pretrained/masked"
    Path(folder).mkdir(parents=True)

    with pytest.raises(FoldlineError, match="ContextualWordEmbsAug cannot be used with options"):
        load_augmenter(Nlpaug(name="ContextualWordEmbsAug", options={"model_path": folder}))


def test_a_model_that_is_not_versioned_is_noted_once(workplace, capsys) -> None:
    hub._note_unversioned.cache_clear()
    folder = write_model_folder(workplace / "models/pretrained/m")
    for _ in range(2):
        hub.check_folder("model", "models/pretrained/m")
    assert capsys.readouterr().out.count("`dvc add models/pretrained/m`") == 1
    hub._note_unversioned.cache_clear()
    folder.with_name("m.dvc").write_text("outs: []")
    hub.check_folder("model", "models/pretrained/m")
    assert capsys.readouterr().out == ""
