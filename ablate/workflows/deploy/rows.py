"""Which rows a `deploy:` block asks for: networks, and the files of each."""

from __future__ import annotations

from typing import Literal, NamedTuple

from ablate.study.deploy_schema import DeployBlock, FineTune

ENDING = {"onnx": ".onnx", "openvino": ".xml", "pt2": ".pt2"}
LIBRARY = {"onnx": "ONNX", "openvino": "OpenVINO", "pt2": "torch.export"}


class Network(NamedTuple):
    """One set of weights. channels: the share taken out, None for none. tuning: the training that made it of the
    original; None for the original itself. aware: of INT8, in that training."""

    channels: float | None = None
    tuning: FineTune | None = None
    aware: bool = False

    @property
    def label(self) -> str:
        """What is computed, whatever the weights."""
        return "original" if self.channels is None else f"{100 * self.channels:g} % of the channels pruned"

    @property
    def stem(self) -> str:
        """How its files are called."""
        return ("network" if self.channels is None else "pruned") + ("-aware" if self.aware else "")

    @property
    def variant(self) -> str:
        """How the run that makes it is called, behind the name of the variant it goes on from."""
        words = [] if self.channels is None else [f"pruned {self.channels:g}"]
        return ", ".join([*words, *(["aware of INT8"] if self.aware else [])])


class Wanted(NamedTuple):
    """One row. form: None for torch, which answers with the run's own weights."""

    network: Network
    form: Literal["onnx", "openvino", "pt2"] | None = None
    int8: bool = False
    parent: str = ""

    @property
    def name(self) -> str:
        """As the table has it."""
        thin = "" if self.network.channels is None else "pruned"
        if self.form is None:
            return thin or "original"
        how = ", trained aware" if self.network.aware else ""
        return " ".join(filter(None, [thin, LIBRARY[self.form], f"INT8{how}" if self.int8 else ""]))

    @property
    def file(self) -> str:
        """Its file's name."""
        assert self.form is not None
        return f"{self.network.stem}{'-int8' if self.int8 else ''}{ENDING[self.form]}"


def wanted_rows(block: DeployBlock) -> list[Wanted]:
    """The rows of a block, the original first; those of one form stand together."""
    original = Wanted(Network())
    rows = [original]
    base = original
    if block.prune is not None:
        base = Wanted(Network(block.prune.channels, block.prune.fine_tune), parent=original.name)
        rows.append(base)
    trained = base.network
    if block.aware is not None:
        trained = Network(base.network.channels, block.aware, aware=True)
    for form in block.forms:
        whole = Wanted(base.network, form, parent=base.name)
        rows.append(whole)
        if block.int8 is not None and form != "pt2":
            rows.append(Wanted(trained, form, int8=True, parent=whole.name))
    return rows


def trained_networks(rows: list[Wanted]) -> list[Network]:
    """Those that have to be trained."""
    return [network for network in dict.fromkeys(row.network for row in rows) if network.tuning is not None]
