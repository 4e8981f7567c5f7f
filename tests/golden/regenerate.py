"""Write the golden files again: `make golden`, or `python -m tests.golden.regenerate`. Review the diff like code."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ablate.report.page.render import report_text
from ablate.trainer import BUILT_IN, source_digest
from tests.builders import a_failed, a_study, findings_of
from tests.golden import losses

DIGEST = Path(__file__).parent / "source_digest.txt"
REPORT = Path(__file__).parent / "reports" / "toy.md"


def toy_report(work: Path) -> str:
    """The report of a chain with every kind of step, one failed run and published figures."""
    study = a_study(
        factors={
            "BN": {"gain": 10.0},
            "Dropout": {"noise": 1.5},
            "90% split": {"epochs": 4},
            "weight decay": {"skill": 61.0},
        },
        compare={"one-layer head": {"with": "90% split", "set": {"gain": 5.0}}},
        evidence={"replicates": [5, 10, 20], "test": {"folds": 5}, "val": 0.1},
        published={
            "protocol": "best epoch on test, one run each",
            "accuracy": {"baseline": "149/360", "BN": "152/360", "one-layer head": "106/180"},
        },
    )
    failed = a_failed(work / ".ablate" / "runs" / "d0d0" / "001", reason="diverged", message="the loss is not finite")
    findings = findings_of(
        study,
        work,
        levels={"BN": 70, "Dropout": 70, "90% split": 78, "weight decay": 71, "one-layer head": 84},
        results={("Dropout", 3): failed},
        images=1800,
    )
    return report_text(findings)


def main() -> None:
    """Write every golden file."""
    with tempfile.TemporaryDirectory() as work:
        REPORT.parent.mkdir(parents=True, exist_ok=True)
        REPORT.write_text(toy_report(Path(work)), encoding="utf-8")
        losses.write(Path(work) / "losses")
    DIGEST.write_text(f"{source_digest(BUILT_IN)}\n", encoding="utf-8")


if __name__ == "__main__":
    main()
