"""Texts of rows, joined and cut."""

import pandas as pd


def join_texts(rows: pd.DataFrame) -> list[str]:
    """Return the text of each row; those of a pair with a space between them."""
    pairs = zip(rows["text"].tolist(), rows["text_pair"].tolist(), strict=True)
    return [f"{text} {pair}" if pair else text for text, pair in pairs]


def cut_text(text: str, characters: int) -> str:
    """Return a text of at most a number of characters, with an ellipsis where it is cut."""
    return text if len(text) <= characters else f"{text[: characters - 1]}…"
