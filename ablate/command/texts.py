"""Values as text: as one argument, as an override of Hydra and OmegaConf, as JSON that is YAML, too."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Any

_PLAIN = re.compile(r"(\./|\.\./)?[A-Za-z_/][A-Za-z0-9_./+-]*")
"""Text that means itself wherever values are read: a name, a path."""
_OTHER_THAN_TEXT = re.compile(
    r"(?i)null|none|true|false|yes|no|on|off|~|nan|[-+]?(\.?\d[\d_]*(\.\d*)?(e[-+]?\d+)?|\.?inf|\.nan)|0[xob][\da-f]+"
)
"""What would be read back as a number, a truth value or nothing."""


def value_text(value: str | int | float | bool) -> str:  # noqa: FBT001 - any value that a study file can hold
    """true and false in lower case, numbers as Python writes them, text as it is."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def hydra_text(value: Any) -> str:
    """The value behind `key=`: text in quotes wherever it would be read as something else."""
    match value:
        case None:
            return "null"
        case str():
            plain = _PLAIN.fullmatch(value) and not _OTHER_THAN_TEXT.fullmatch(value)
            return value if plain else _quoted(value)
        case list():
            return f"[{','.join(map(hydra_text, value))}]"
        case Mapping():
            return f"{{{','.join(f'{key}:{hydra_text(item)}' for key, item in value.items())}}}"
        case _:
            return value_text(value)


def _quoted(text: str) -> str:
    """In double quotes; with a backslash in single ones, where neither Hydra nor YAML takes it for an escape."""
    if "\\" not in text:
        return '"' + text.replace('"', '\\"') + '"'
    # Hydra halves backslashes before such a quote alone, and the quote that ends the text is one.
    inner = re.sub(r"(\\*)'", r"\1\1\\'", text)
    return "'" + re.sub(r"(\\+)\Z", r"\1\1", inner) + "'"


def json_text(value: Any) -> str:
    """On one line."""
    return _written(value, None)


def config_text(config: Mapping[str, Any]) -> str:
    """JSON that a reader of YAML reads alike: 1e-05 is `1.0e-05`, which YAML does not take for text."""
    return _written(config, 0) + "\n"


def _written(value: Any, depth: int | None) -> str:
    opened, closed, between = ("", "", ", ") if depth is None else (f"\n{'  ' * (depth + 1)}", f"\n{'  ' * depth}", ",")
    below = None if depth is None else depth + 1
    match value:
        case Mapping() if value:
            items = [
                f"{json.dumps(str(key), ensure_ascii=False)}: {_written(one, below)}" for key, one in value.items()
            ]
            return "{" + opened + (between + opened).join(items) + closed + "}"
        case list():
            return "[" + ", ".join(_written(one, None) for one in value) + "]"
        case float() if math.isfinite(value):
            mantissa, e, exponent = repr(value).partition("e")
            mantissa = mantissa if "." in mantissa else f"{mantissa}.0"
            return f"{mantissa}e{exponent if exponent[:1] in '+-' else f'+{exponent}'}" if e else mantissa
        case _:
            return json.dumps(value, ensure_ascii=False)
