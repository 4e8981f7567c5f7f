"""What a study meant before a default changed: for telling why finished runs do not count any more.

A run is what its configuration says, and a key that is left out means its default of today. Nothing that was
finished by the default of before is ever taken for it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import replace
from typing import Any, NamedTuple

from ablate.records import Variant
from ablate.settings import ChangedDefault, Settings, changed_defaults, identity_of
from ablate.study.plan import Plan
from ablate.study.study import Study


class Former(NamedTuple):
    """A plan as it was before some defaults changed."""

    plan: Plan
    changes: tuple[ChangedDefault, ...]


def former_plan(study: Study, plan: Plan) -> Former | None:
    """The plan by the defaults of before; None where the study writes all of them out, or none has changed.

    A default that one of the variants sets otherwise is left as it is: the study asks about it.
    """
    changes = tuple(
        change
        for change in changed_defaults(study.trainer.config.model_validate(study.base))
        if all(_value_at(variant.config, change.key) == change.now for variant in plan.variants)
    )
    if not changes:
        return None
    variants = tuple(_former(variant, changes, study.trainer.config) for variant in plan.variants)
    return Former(replace(plan, variants=variants), changes)


def former_base(study: Study) -> Settings | None:
    """The base by the defaults of before; None where it writes all of them out, or none has changed."""
    base = study.resolve({}, ("base",))
    changes = changed_defaults(base)
    return _with(base.model_dump(mode="json"), changes, study.trainer.config) if changes else None


def in_words(changes: Sequence[ChangedDefault]) -> str:
    """`numerics.channels_last is now true by default`."""
    return " and ".join(f"{change.key} is now {json.dumps(change.now)} by default" for change in changes)


def way_to_keep(changes: Sequence[ChangedDefault], base: Mapping[str, Any]) -> str:
    """The lines to write so that the runs there are count again, as they fit what a study has under `base:`."""
    return " and ".join(_line(change, base) for change in changes)


def sets_to_keep(changes: Sequence[ChangedDefault]) -> str:
    """The same as options of a command: `--set numerics.channels_last=false`."""
    return " ".join(f"--set {change.key}={json.dumps(change.before)}" for change in changes)


def _line(change: ChangedDefault, base: Mapping[str, Any]) -> str:
    """`numerics: {channels_last: false}` under `base:`; without the blocks that are written already."""
    parts, place, block = change.key.split("."), "base", base
    while len(parts) > 1 and isinstance(block.get(parts[0]), Mapping):
        block = block[parts[0]]
        place += f".{parts.pop(0)}"
    line = ": {".join(parts) + f": {json.dumps(change.before)}" + "}" * (len(parts) - 1)
    return f"`{line}` under `{place}:`"


def _former(variant: Variant, changes: Sequence[ChangedDefault], config: type[Settings]) -> Variant:
    settings = _with(variant.config, changes, config)
    return replace(variant, config=settings.model_dump(mode="json"), identity=identity_of(settings))


def _with(config: Mapping[str, Any], changes: Sequence[ChangedDefault], model: type[Settings]) -> Settings:
    changed = deepcopy(dict(config))
    for change in changes:
        *blocks, last = change.key.split(".")
        block = changed
        for name in blocks:
            block = block[name]
        block[last] = change.before
    return model.model_validate(changed)


def _value_at(config: Any, key: str) -> Any:
    for part in key.split("."):
        config = config.get(part) if isinstance(config, Mapping) else None
    return config
