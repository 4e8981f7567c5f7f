"""The readers of logs keep their contract: tests/contract/reader_contract.py."""

from __future__ import annotations

from tests.contract.reader_contract import LOGS, ReaderContract, Source


class TestTensorBoard(ReaderContract):
    """Event files with hyperparameters."""

    source = Source(LOGS / "tensorboard", "test/accuracy", ("use_bn=0", "use_bn=1"))  # as torch keeps True and False


class TestTensorBoardNames(ReaderContract):
    """Event files whose scalars are tensors, told by the names of their folders."""

    source = Source(LOGS / "tensorboard_names", "test/accuracy", ("plain", "bn"), by_name=True)


class TestLightning(ReaderContract):
    """metrics.csv and hparams.yaml."""

    source = Source(LOGS / "lightning", "test_acc")


class TestWandb(ReaderContract):
    """Offline runs."""

    source = Source(LOGS / "wandb", "test/accuracy")


class TestWandbExport(ReaderContract):
    """The table of runs as CSV, the newest first."""

    source = Source(LOGS / "wandb_export.csv", "test/accuracy")


class TestWandbChart(ReaderContract):
    """A chart's values as CSV."""

    source = Source(LOGS / "wandb_chart.csv", "test/accuracy", ("plain", "bn"), by_name=True)


class TestTrackio(ReaderContract):
    """A project's database."""

    source = Source(LOGS / "trackio" / "ablation.db", "test/accuracy")
