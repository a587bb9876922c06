"""A check of a model by its config and tokenizer alone, before its weights are read."""

from foldline.core.errors import FoldlineError
from foldline.encoders import hub, model_sizes

FINE_TUNED = "model"  # the key whose model is trained, so that its embeddings can be enlarged


def check_model(key: str, name: str, max_length: int) -> None:
    """Refuse a model whose tokenizer or positions do not fit; `key` is the param that names it.

    Raises:
        FoldlineError: naming the sizes, or why it cannot be loaded.
    """
    hub.check_folder(key, name, sentences=key.endswith("encoder"))
    try:
        tokenizer, model = hub.load_tokenizer(name), hub.build_skeleton(name)
    except FoldlineError as error:
        raise FoldlineError(f"{key}: {error}") from error
    except Exception as error:  # each library raises its own errors
        raise hub.loading_error(key, name, error) from error
    if key == FINE_TUNED:
        model_sizes.check_filled(key, name, tokenizer)
    else:
        model_sizes.check_vocabulary(key, name, tokenizer, model)
    model_sizes.check_length(name, model, max_length)
