"""No model runs code of its own, whoever sits at the keyboard, unless a param names that code."""

import ast
import json
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest

from foldline.augmentation import translator
from foldline.augmentation.nlpaug_adapter import load_augmenter
from foldline.core.errors import FoldlineError
from foldline.core.params import Nlpaug
from foldline.encoders import foreign_code, hub
from foldline.encoders.sentence_encoder import open_encoder
from foldline.models import registry
from tests.helpers.model_folders import write_cached_model, write_model_folder

MARK = "open('ran.txt', 'w').write('foreign code ran')\n"
EVIL = (
    MARK
    + """
from transformers import PretrainedConfig

class Config(PretrainedConfig):
    model_type = "evilnet"

class Model: ...
class Tokenizer: ...
"""
)
# A model of its own code that works: BERT, under another name.
OWN = (
    MARK
    + """
from transformers import BertConfig, BertForSequenceClassification

class Config(BertConfig):
    model_type = "own-bert"

class Model(BertForSequenceClassification):
    config_class = Config
"""
)
AUTO_MAP = {
    "AutoConfig": "modeling_own.Config",
    "AutoModelForSequenceClassification": "modeling_own.Model",
}


@pytest.fixture
def keyboard(workplace, monkeypatch) -> Path:
    """Answer every question with y, in an empty folder; nothing may be asked."""
    monkeypatch.setattr("builtins.input", lambda prompt: "y")
    monkeypatch.setattr(sys, "stdin", ["y\n"] * 9)
    return workplace


@pytest.fixture
def evil(keyboard) -> str:
    """Write the folder of a model whose config and tokenizer name code of their own."""
    folder = write_model_folder(
        keyboard / "models/pretrained/evil",
        model_type="evilnet",
        auto_map={"AutoConfig": "modeling_own.Config"},
    )
    (folder / "modeling_own.py").write_text(EVIL)
    own = {"tokenizer_class": "Tok", "auto_map": {"AutoTokenizer": ["modeling_own.Tok", None]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(own))
    return "models/pretrained/evil"


@pytest.fixture
def own_bert(keyboard, tiny_bert) -> str:
    """Write the folder of a BERT that its own code opens."""
    folder = Path(shutil.copytree(tiny_bert, keyboard / "own"))
    config = json.loads((folder / "config.json").read_text())
    config |= {"model_type": "own-bert", "auto_map": AUTO_MAP}
    (folder / "config.json").write_text(json.dumps(config))
    (folder / "modeling_own.py").write_text(OWN)
    (folder / "convert.py").write_text("# not imported")
    return str(folder)


def allow(value: str | None) -> None:
    Path("params.yaml").write_text(f"train: {{trust_remote_code: {value or ''}}}\n")


def saved(folder: str, kind: str = registry.PRETRAINED) -> Path:
    """Return a folder that claims to be a model which Foldline saved."""
    copy = Path(shutil.copytree(folder, "model"))
    card = {"kind": kind, "task": "classification", "classes": ["a", "b"], "target": None}
    (copy / registry.CARD).write_text(json.dumps(card))
    (copy / "reading.json").write_text('{"threads": 1, "precision": "float32"}')
    return copy


LOADERS: dict[str, Any] = {
    "tokenizer": lambda name, fit: hub.load_tokenizer(name),
    "classifier": lambda name, fit: hub.load_model(name, "AutoModelForSequenceClassification"),
    "masked": lambda name, fit: hub.load_model(name, "AutoModelForMaskedLM"),
    "causal": lambda name, fit: hub.load_model(name, "AutoModelForCausalLM"),
    "model": lambda name, fit: fit(name),
    "encoder": lambda name, fit: open_encoder("embed.encoder", name, 24, 1),
    "zero-shot": lambda name, fit: fit("zero-shot", files={"zero_shot.model": name}),
    "translation": lambda name, fit: translator._load_model(name),
    "saved": lambda name, fit: registry.load(saved(name)),
    "nlpaug": lambda name, fit: load_augmenter(
        Nlpaug(name="ContextualWordEmbsAug", options={"model_path": name})
    ),
}


@pytest.mark.parametrize("loader", LOADERS)
def test_code_of_a_model_is_never_run(loader, evil, fit, rows) -> None:
    def train(name: str, **how: Any) -> Any:
        return fit(name, rows(), rows().iloc[:0], "classification", **how)

    with pytest.raises(FoldlineError, match=r"brings code of its own .*, which is not run") as told:
        LOADERS[loader](evil, train)
    assert "evil" in str(told.value) or "model" in str(told.value)
    assert "trust_remote_code=True" not in str(told.value)
    assert not Path("ran.txt").exists()


def test_one_message_says_what_to_set_and_the_risk(own_bert, fit, rows, labels, tmp_path) -> None:
    """And the value that it says works: the code runs, also for the model that was saved."""
    table = rows()
    with pytest.raises(FoldlineError, match="runs the code of that model on this machine") as told:
        fit(own_bert, table, table.iloc[:0], "classification")
    assert not Path("ran.txt").exists()
    allow(str(told.value).split("train.trust_remote_code to ")[1][:64])
    found = fit(own_bert, table, table.iloc[:0], "classification", epochs=1)
    assert Path("ran.txt").exists()
    snapshots = {"train.snapshots": 2, "train.schedule": "cosine"}
    several = fit(own_bert, table, table.iloc[:0], "classification", epochs=1, dotted=snapshots)
    for fitted, path in ((found, Path("models/model")), (several, Path("models/several"))):
        registry.save(fitted.model, own_bert, labels("classification"), path)
        again = registry.load(path).predict(table)
        assert again == pytest.approx(fitted.model.predict(table))

    # Other code in its place is refused, and so is all code where nothing is allowed.
    with Path("models/model/modeling_own.py").open("a") as stream:
        stream.write("# changed\n")
    with pytest.raises(FoldlineError, match="allows other code"):
        registry.load(Path("models/model"))
    allow(None)
    with pytest.raises(FoldlineError, match="which is not run"):
        registry.load(Path("models/model"))


def test_code_of_another_repository_is_never_allowed(own_bert) -> None:
    config = json.loads(Path(own_bert, "config.json").read_text())
    config["auto_map"]["AutoConfig"] = "who/ever--modeling_own.Config"
    Path(own_bert, "config.json").write_text(json.dumps(config))
    allow(foreign_code.hash_code(Path(own_bert)))
    with pytest.raises(FoldlineError, match="in another repository, who/ever"):
        hub.load_tokenizer(own_bert)


def test_a_hub_id_is_pinned_by_its_code(own_bert, keyboard, monkeypatch) -> None:
    files = {path.name: path for path in Path(own_bert).iterdir()}
    snapshot = write_cached_model(monkeypatch, keyboard / "cache", "who/bert", {})
    for name, path in files.items():
        shutil.copy(path, snapshot / name)
    with pytest.raises(FoldlineError, match=foreign_code.hash_code(Path(own_bert))):
        hub.load_model("who/bert", "AutoModelForSequenceClassification")
    allow(foreign_code.hash_code(Path(own_bert)))
    model = hub.load_model("who/bert", "AutoModelForSequenceClassification")
    assert type(model).__name__ == "Model" and Path("ran.txt").exists()


def test_what_transformers_has_code_for_needs_none(tiny_bert, keyboard) -> None:
    """BERT with an auto_map is BERT: transformers reads it by its own code."""
    folder = Path(shutil.copytree(tiny_bert, keyboard / "bert"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | {"auto_map": AUTO_MAP}))
    own = json.loads((folder / "tokenizer_config.json").read_text())
    own["auto_map"] = {"AutoTokenizer": ["modeling_own.Own", None]}  # beside a tokenizer.json
    (folder / "tokenizer_config.json").write_text(json.dumps(own))
    (folder / "modeling_own.py").write_text(OWN)
    assert len(hub.load_tokenizer(str(folder))) > 5
    model = hub.load_model(str(folder), "AutoModelForSequenceClassification")
    assert type(model).__module__.startswith("transformers.") and not Path("ran.txt").exists()


def test_a_tokenizer_of_its_own_is_refused_beside_a_known_model(tiny_bert, keyboard) -> None:
    """As of KoBERT: BERT's own tokenizer would cut its texts otherwise."""
    folder = Path(shutil.copytree(tiny_bert, keyboard / "kobert"))
    (folder / "tokenizer.json").unlink()
    own = {"auto_map": {"AutoTokenizer": ["tokenization_kobert.KoBertTokenizer", None]}}
    (folder / "tokenizer_config.json").write_text(json.dumps(own))
    (folder / "vocab.txt").write_text("[PAD]\n[UNK]\n[CLS]\n[SEP]\n[MASK]\na\n")
    with pytest.raises(FoldlineError, match="KoBertTokenizer"):
        hub.load_tokenizer(str(folder))


def test_pickled_weights_run_nothing(tiny_bert, keyboard) -> None:
    import pickle

    class Bomb:
        def __reduce__(self) -> tuple:
            return (eval, (MARK.strip(),))

    folder = Path(shutil.copytree(tiny_bert, keyboard / "pickled"))
    (folder / "model.safetensors").unlink()
    (folder / "pytorch_model.bin").write_bytes(pickle.dumps({"weight": Bomb()}))
    with pytest.raises(Exception, match=r"weights_only|Weights only|pickle"):
        hub.load_model(str(folder), "AutoModelForSequenceClassification")
    assert not Path("ran.txt").exists()


def test_only_the_loader_calls_transformers() -> None:
    """No other file of the library or the stages has a call that could run a model's code."""
    calls = {"from_pretrained", "from_config", "pipeline", "get_class_from_dynamic_module"}
    root = Path(foreign_code.__file__).parents[1]
    files = [*root.rglob("*.py"), *(root.parent / "stages").glob("*.py")]
    found = {}
    for file in files:
        nodes = ast.walk(ast.parse(file.read_text(encoding="utf-8")))
        for called in (node.func for node in nodes if isinstance(node, ast.Call)):
            name = getattr(called, "attr", None) or getattr(called, "id", None)
            if name in calls:
                found.setdefault(file.relative_to(root.parent).as_posix(), set()).add(name)
    assert found == {"foldline/encoders/hub.py": {"from_pretrained", "from_config"}}
