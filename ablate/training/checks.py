"""What can be refused before anybody has looked at the data: parts that cannot fit together."""

from __future__ import annotations

from ablate.errors import SettingError
from ablate.records import Folds, Official, Protocol, Share
from ablate.training.config import Config


def refuse_impossible(config: Config, protocol: Protocol) -> None:
    """Raise SettingError where no data could be split as asked.

    A number of pictures beside a share can only be judged once the pictures are counted.
    """
    _refuse_unfinished(config)
    train, val = config.data.train, protocol.val
    match protocol.test:
        case Folds(count=folds):
            test, asked = 1 / folds, f"{{folds: {folds}}}"
        case Share(share=float(share)):
            test, asked = share, f"{{share: {share}}}"
        case Share() | Official():
            test, asked = 0.0, ""
    # Folds and shares are rounded to whole pictures: what adds up to one means everything.
    if isinstance(train, float) and train + test > 1 + 1e-9:
        raise SettingError(
            "data.train",
            f"data.train ({train}) and evidence.test ({asked}) together exceed all pictures",
            hint=f"data.train can be {1 - test:.4g} at most, or test on fewer pictures.",
        )
    if val is not None and type(val) is type(train) and val >= train:
        raise SettingError(
            "data.train",
            f"data.train ({train}) includes evidence.val ({val}), which leaves nothing to fit",
            hint="Raise data.train or lower evidence.val.",
        )
    if config.early_stopping is not None and val is None:
        raise SettingError(
            "early_stopping", "early_stopping needs validation images", hint="Set evidence.val, such as val: 0.1."
        )


def _refuse_unfinished(config: Config) -> None:
    """Settings that may be written down but do nothing yet: refused rather than ignored."""
    unfinished = {
        "optimizer.parts": config.optimizer.parts,
        "optimizer": config.optimizer.name in ("rmsprop", "adagrad"),
        "schedule": config.schedule.name == "plateau",
        "sampling": config.sampling,
        "mixing": config.mixing,
        "loss": config.loss.name != "cross_entropy",
        "class_weights": config.class_weights,
        "smoothing.among": config.smoothing is not None and config.smoothing.among == "wrong",
        "penalties": config.penalties,
        "averaging": config.averaging,
        "adversarial": config.adversarial,
        "robustness": config.robustness,
        "numerics.micro_batch": config.numerics.micro_batch,
    }
    unfinished |= {f"augment.{key}": value for key, value in config.augment if key not in ("crop", "flip")}
    for key, value in unfinished.items():
        if value:
            raise SettingError(key, f"{key} is not implemented yet", hint="Leave it out for now.")
