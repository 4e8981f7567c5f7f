"""The JSON Schema of study files, by which an editor completes and checks them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ablate.files import write_text
from ablate.study.schema import StudyFile
from ablate.trainer import BUILT_IN

FILE = "study.schema.json"
MODELINE = f"# yaml-language-server: $schema={FILE}"
"""The first line of a study file beside which the schema lies."""

ALSO = {
    ("EvidenceBlock", "replicates"): "integer",
    ("SearchBlock", "replicates"): "integer",
    ("SearchBlock", "objective"): "string",
    ("DeriveBlock", "from"): "string",
}
"""One value where a list of them may stand."""


def study_schema() -> dict[str, Any]:
    """Of a study file; `base:` is described where the trainer is the built-in one."""
    from ablate.training.config import Config

    schema = StudyFile.model_json_schema()
    trainer = Config.model_json_schema(ref_template="#/$defs/trainer.{model}")
    parts = {f"trainer.{name}": part for name, part in trainer.pop("$defs").items()}
    data = parts["trainer.DataConfig"]
    data["required"] = [key for key in data["required"] if key != "image_size"]  # of clips, clip.size says it
    schema["$defs"] |= parts | {"trainer": trainer}
    for (block, key), kind in ALSO.items():
        fields = schema["$defs"][block]["properties"]
        told = {word: fields[key].pop(word) for word in ("title", "description", "default") if word in fields[key]}
        fields[key] = {"anyOf": [fields[key], {"type": kind}]} | told
    schema["required"] = [key for key in schema["required"] if key != "base"]
    schema["allOf"] = [
        {"anyOf": [{"required": ["base"]}, {"required": ["extends"]}]},
        {
            "if": {"properties": {"trainer": {"const": BUILT_IN}}},
            "then": {"properties": {"base": {"$ref": "#/$defs/trainer"}}},
        },
    ]
    return {"$schema": "https://json-schema.org/draft/2020-12/schema"} | schema


def schema_text() -> str:
    """As it lies in a file."""
    return json.dumps(study_schema(), indent=1, ensure_ascii=False) + "\n"


def write_schema_beside(study: Path) -> None:
    """Put the schema beside a study file, where none lies there yet."""
    path = study.parent / FILE
    if not path.exists():
        write_text(path, schema_text())
