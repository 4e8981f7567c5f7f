"""What a metric's name says of it: its unit, its better direction, which thresholds may be assumed. Standard library.

A *share* is a mean of right and wrong answers: an accuracy, its error, a recall. One point of it is one image of a
hundred whatever the data set, so thresholds of 1 and 3 points mean the same everywhere and are assumed unless others
are stated. Kappa, MCC, IoU, average precision, AUC and F1 lie between 0 and 1 as well, but their hundredths count
nothing; a loss has no scale at all. Their thresholds are stated in their own unit, or there are none.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Literal, NamedTuple

Goal = Literal["max", "min"]

NEGLIGIBLE, WORTHWHILE = 1.0, 3.0
"""Points, of a share, where nobody says otherwise."""

SHOWN_IN_PERCENT = re.compile(
    r"accuracy|(^|_)acc(_|$)|^(f1|precision|recall|sensitivity|specificity|auc|auroc|error_rate|top_?\d+)(_|$)|_f1$"
)
"""What is shown in percent although it may be no share; by the last part of the name."""


def _set(words: str) -> frozenset[str]:
    return frozenset(words.split())


_SETS = "train|training|val|valid|validation|test|testing|eval|evaluation|dev|holdout"
_NEUTRAL = _set(
    f"{_SETS.replace('|', ' ')} final best last epoch step metric metrics summary ema swa tta clean overall total "
    "micro macro weighted balanced class classes classification classifier cls image images img sample samples "
    "multiclass binary multilabel model student teacher rate mis top topk k at set fold cv ood id robust adversarial "
    "per zero one shot"
)
"""Words that say of which part or kind an error is, and leave it a share."""

_OTHERWISE = _set(
    "loss losses entropy perplexity std stdev sd var variance sem deviation interval ci seconds time count num kappa "
    "mcc auc auroc auprc roc pr f1 fbeta dice iou jaccard ap map prob probability confidence conf margin "
    "calibration calibrated ece mce adjusted adj chance gap drop delta diff difference curve lr rank mrr ndcg squared "
    "absolute abs mse rmse mae mape reconstruction regression angular angle rotation pose depth quantization "
    "localization relative median max l1 l2 equal steps size"
)
"""Words after which a name with `acc`, `recall` or `error` in it is no share."""

_LOWER = _set(
    "loss losses err error errors perplexity ppl nll bce ce xent entropy crossentropy logloss brier ece mce ace mse "
    "rmse mae mape misclassification misclassified fpr fnr eer hter hamming distance divergence kl regret cost "
    "latency seconds time fid wrong wer cer drop gap forgetting flops gflops macs "
    "misclass lpips aurc risk miss missrate hinge inaccuracy alarm"
)

_LOSSES = _set("loss losses nll bce ce xent entropy crossentropy logloss perplexity ppl")
_MEASURES = _LOSSES | _set("mse rmse mae hamming fid seconds latency")
_RIGHT = _set("acc accs recall sensitivity specificity tpr tnr fpr fnr misclassification misclassified")
_ERRORS = frozenset(("err", "error", "errors"))
_BOUNDED = _set("kappa mcc matthews iou miou jaccard dice map ap auc auroc auprc f1 fbeta precision ece brier ssim r2")

_ZERO_ONE = re.compile(r"(zero|0)[\W_]*(one|1)[\W_]*(loss|error)")
_AT_K = re.compile(r"(^|[\W_])((prec(ision)?|hits?)([\W_]*at[\W_]*|[@_]?)|(p|r)(@|[\W_]at[\W_]))[1-9]\d*(?![.\d])")
_TOP_K = re.compile(r"(^|[\W_\d])top[\W_]?([1-9]\d*|k)(?![.\d])")
_JOINED = re.compile(rf"^(?:{_SETS})?(acc|accuracy|err|error)$")
_CAPITALS = re.compile(r"(?<=[a-z])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])|(?<=[A-Za-z])(?=\d)|(?<=\d)(?=[A-Za-z])")


def _words(name: str) -> list[str]:
    """`val/Top1Acc` -> val, top, 1, acc."""
    whole = re.sub(r"mIoU|IoU", "iou", re.sub(r"mAP|MAP", "map", re.sub(r"(?i)f1", "fbeta ", name)))
    found = re.findall(r"[a-z]+|\d+", _CAPITALS.sub(" ", whole).lower())
    return [match[1] if (match := _JOINED.match(word)) else word for word in found]


def is_share(name: str) -> bool:
    """Whether a metric is a mean of right and wrong answers, told by its name, whatever part it is of."""
    name = _bare(name)
    text, words = _CAPITALS.sub("_", name).lower(), _words(name)
    if _ZERO_ONE.search(text):
        return True
    if _OTHERWISE & set(words):
        return False
    if any("accuracy" in word or word in _RIGHT for word in words) or {"hit", "rate"} <= set(words):
        return True
    if _AT_K.search(name.lower()) or ("exact" in words and "match" in words):
        return True
    top = _TOP_K.search(text)
    if top is not None:
        return _is_neutral(text[top.end() :])
    return bool(_ERRORS & set(words)) and _is_neutral(re.split(r"[/.:]", name)[-1])


def _is_neutral(text: str) -> bool:
    """Whether these words leave an error what it is: `top5 error`, but no `quantization error`."""
    return all(word.isdigit() or word in _NEUTRAL | _ERRORS for word in _words(text))


def is_rate(name: str) -> bool:
    """Whether a metric is stored from 0 to 1 and shown in percent; told by its name, whatever part it is of."""
    return is_share(name) or SHOWN_IN_PERCENT.search(_bare(name).rpartition("/")[2]) is not None


def is_known(name: str) -> bool:
    """Whether a name is that of a metric: a rate, a loss, or another one that is common."""
    name = _bare(name)
    return is_rate(name) or "loss" in name.lower() or bool((_BOUNDED | _MEASURES) & set(_words(name)))


def no_fraction(name: str, value: float) -> bool:
    """Whether a number cannot be what a metric of this name is: a rate outside 0 to 1."""
    return is_rate(name) and not 0 <= value <= 1


def is_loss(name: str) -> bool:
    """Whether a metric is a mean over images that is no number only where the network's answers are none."""
    return bool(_LOSSES & set(_words(_bare(name))))


def better_direction(name: str) -> Goal:
    """Which way a metric gets better, told by its name; more is better where nothing speaks against it."""
    name = _bare(name)
    words = set(_words(name))
    lower = bool(words & _LOWER) or any(word in name.lower() for word in ("loss", "error", "perplexity"))
    lower = lower or re.match(r"(1|one)[\s_]*(-|minus)", name.strip().lower()) is not None
    if "likelihood" in words:
        lower = bool(words & {"neg", "negative"})
    elif lower and "neg" in words:  # scikit-learn's scores: neg_log_loss
        lower = False
    return "min" if lower else "max"


MEASURED: Mapping[str, Goal] = {
    "balanced_accuracy": "max",
    "macro_f1": "max",
    "weighted_f1": "max",
    "auroc": "max",
    "auprc": "max",
    "quadratic_kappa": "max",
    "log_loss": "min",
    "brier": "min",
    "mean_average_precision": "max",
    "ece": "min",
}
"""What is computed from the stored answers to single images, whatever the trainer reports: `ablate.scoring`."""

OF_A_CLASS = ("sensitivity", "specificity", "auroc", "auprc", "f1")
"""What can be asked of one class: `sensitivity:melanoma`."""

_AT_SPECIFICITY = re.compile(r"(?P<name>.+)@specificity=(?P<share>0\.\d+)")


class OfClass(NamedTuple):
    """A metric of one class. specificity: at which the threshold on its probability is set; None: no threshold."""

    kind: str
    name: str
    specificity: float | None = None


def of_class(metric: str) -> OfClass | None:
    """`sensitivity:melanoma`, or `sensitivity:melanoma@specificity=0.9`; None for a metric of all classes."""
    kind, _, name = metric.partition(":")
    if kind not in OF_A_CLASS or not name:
        return None
    at = _AT_SPECIFICITY.fullmatch(name) if kind == "sensitivity" else None
    return OfClass(kind, name) if at is None else OfClass(kind, at["name"], float(at["share"]))


_OWN = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)*:[A-Za-z_]\w*")


def is_own(metric: str) -> bool:
    """Whether a name may be the path of a function of the user's own: `my_metrics:kappa`."""
    return _OWN.fullmatch(metric) is not None and of_class(metric) is None


def measured_goal(metric: str) -> Goal | None:
    """Which way a metric gets better that is computed from stored answers; None for any other."""
    return "max" if of_class(metric) is not None else MEASURED.get(metric)


def measured_names() -> tuple[str, ...]:
    """All of these, with CLASS in the place of a class."""
    return (*MEASURED, *(f"{kind}:CLASS" for kind in OF_A_CLASS), "sensitivity:CLASS@specificity=0.9")


def _bare(name: str) -> str:
    """Without the class it is of, whose name says nothing of the metric."""
    found = of_class(name)
    return name if found is None else found.kind


class Thresholds(NamedTuple):
    """What counts as none, and what a gain has to be, in shown units: points for a rate; None: nobody has said.

    tolerable: the loss that a change which makes something cheaper may not reach; as worthwhile unless stated.
    unfit: sizes that were stated and cannot be meant, because the metric cannot change by so much.
    """

    negligible: float | None
    worthwhile: float | None
    unfit: tuple[float, ...] = ()
    tolerable: float | None = None


def thresholds_for(
    name: str, negligible: float | None, worthwhile: float | None, tolerable: float | None = None
) -> Thresholds:
    """The thresholds of a metric: as stated, else 1, 3 and 3 points where it is a share, else none."""
    if is_share(name):
        negligible, worthwhile = (
            NEGLIGIBLE if negligible is None else negligible, WORTHWHILE if worthwhile is None else worthwhile
        )  # fmt: skip
        return Thresholds(negligible, worthwhile, tolerable=worthwhile if tolerable is None else tolerable)
    most = 100.0 if is_rate(name) else 1.0 if _BOUNDED & set(_words(_bare(name))) else float("inf")
    unfit = tuple(size for size in (negligible, worthwhile, tolerable) if size is not None and size >= most)
    if unfit:  # 1 and 3 for a kappa: points were meant, of something that has none
        return Thresholds(None, None, unfit)
    return Thresholds(negligible, worthwhile, tolerable=worthwhile if tolerable is None else tolerable)
