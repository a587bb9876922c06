"""Conditions on the columns of a table, in the syntax of `pandas.DataFrame.query`.

They stand in params.yaml, so they compare and calculate, and call nothing.
"""

import ast
import re
from typing import Any

import pandas as pd

from foldline.core.errors import FoldlineError, listing

_PARTS = (
    ast.Expression, ast.BoolOp, ast.And, ast.Or, ast.UnaryOp, ast.Not, ast.USub, ast.BinOp, ast.Add,
    ast.Sub, ast.Mult, ast.Div, ast.Mod, ast.Compare, ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt,
    ast.GtE, ast.In, ast.NotIn, ast.Name, ast.Load, ast.Constant, ast.List, ast.Tuple,
)  # fmt: skip
_QUOTED = re.compile(r"`([^`\n]+)`")
ALLOWED = "names, numbers, quoted texts, lists, + - * / %, comparisons, in, and, or, not"


class _Reader(ast.NodeTransformer):
    """Collects the names of columns, and replaces each by `column_<number>`."""

    def __init__(self, quoted: list[str]) -> None:
        self.quoted, self.names = quoted, list[str]()

    def visit_Name(self, node: ast.Name) -> ast.Name:
        number = re.fullmatch(r"quoted_(\d+)_", node.id)
        name = self.quoted[int(number[1])] if number else node.id
        if name not in self.names:
            self.names.append(name)
        return ast.Name(f"column_{self.names.index(name)}", node.ctx)


def list_names(expression: str) -> list[str]:
    """Return the columns that an expression names; `in backticks` where they are no plain words.

    Raises:
        ValueError: for what is no condition, or could run code.
    """
    return _parse(expression)[1]


def evaluate_expression(expression: str, table: pd.DataFrame) -> "pd.Series[bool]":
    """Return the rows (n,) of a table for which an expression holds.

    Raises:
        FoldlineError: where it cannot be computed, as it compares a text with a number.
    """
    code, names = _parse(expression)
    if missing := [name for name in names if name not in table]:
        raise FoldlineError(
            f"{expression!r} names {listing(missing)}, which no row has yet. Run `dvc repro`"
        )
    columns = {f"column_{number}": table[name] for number, name in enumerate(names)}
    try:
        found = pd.DataFrame(columns, index=table.index).eval(code, engine="python")
    except (TypeError, ValueError, NotImplementedError, ZeroDivisionError, OverflowError) as error:
        kinds = ", ".join(f"{name} is {_describe(table[name])}" for name in names)
        raise FoldlineError(
            f"{expression!r} cannot be computed ({kinds}): compare numbers with numbers, and texts "
            "with texts in quotes"
        ) from error
    if not isinstance(found, pd.Series) or not pd.api.types.is_bool_dtype(found):
        raise FoldlineError(
            f"{expression!r} is no condition: compare something, as in 'length < 10'"
        )
    return found


def _parse(expression: str) -> tuple[str, list[str]]:
    """Return the expression over `column_<number>`, and the columns' names."""
    quoted = _QUOTED.findall(expression)
    numbers = iter(range(len(quoted)))
    text = _QUOTED.sub(lambda _: f"quoted_{next(numbers)}_", expression.strip())
    try:
        tree = ast.parse(text, mode="eval")
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        raise ValueError(f"is no condition (found {expression!r}): write {ALLOWED}") from None
    for node in ast.walk(tree):
        if not isinstance(node, _PARTS) or (isinstance(node, ast.Name) and "__" in node.id):
            raise ValueError(
                f"must not use {type(node).__name__.lower()} (found {expression!r}): write "
                f"{ALLOWED}"
            )
    reader = _Reader(quoted)
    tree = reader.visit(tree)
    if not reader.names:
        raise ValueError(f"names no column (found {expression!r}), as in 'length < 10'")
    return ast.unparse(tree), reader.names


def _describe(column: "pd.Series[Any]") -> str:
    if pd.api.types.is_bool_dtype(column):
        return "true or false"
    if pd.api.types.is_numeric_dtype(column):
        return "a number"
    return "a date" if pd.api.types.is_datetime64_any_dtype(column) else "a text"
