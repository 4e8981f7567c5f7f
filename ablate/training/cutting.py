"""Where a network can be cut in two: what gives the same values in every epoch, and what does not.

The forward pass is traced (torch.fx) into a graph of modules and functions. Its first part ends
before the first step that is trained, that draws at random, or that is not known not to.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from torch import fx, nn
from torch.nn.modules.batchnorm import _NormBase
from torch.nn.modules.dropout import _DropoutNd

from ablate.training.freezing import Frozen, set_training

RANDOM_WORDS = ("dropout", "rand", "bernoulli", "multinomial", "normal_", "uniform_", "exponential_", "drop_path",
                "stochastic", "rrelu", "fractional_max_pool", "gumbel", "poisson")  # fmt: skip
"""Parts of the names of functions that draw at random."""

ALWAYS_RANDOM = (nn.FractionalMaxPool2d, nn.FractionalMaxPool3d)
RANDOM_WITH_DROPOUT = (nn.MultiheadAttention, nn.RNNBase)
KNOWN = {
    "torchvision.ops.misc", "torchvision.ops.stochastic_depth", "torchvision.models.convnext",
    "torchvision.models.swin_transformer",
}  # fmt: skip
"""Modules outside torch.nn whose small layers (Permute, LayerNorm2d) do the same each time, or say when they draw."""


class Cut(NamedTuple):
    """A network in two parts, which share its modules; the second takes what the first gives, and what else it takes.

    The first is given the images alone. last: name of the last module of the first part. then: why it ends there.
    """

    before: fx.GraphModule
    after: fx.GraphModule
    last: str
    then: str


class NoCut(NamedTuple):
    """Why a network cannot be cut."""

    reason: str


def cut_network(network: nn.Module, frozen: Frozen) -> Cut | NoCut:
    """The network, cut as late as one tensor carries everything over.

    Leaves the network in training mode.
    """
    set_training(network, frozen)
    try:
        graph = _Tracer().trace(network)
        network.eval()
        same = str(_Tracer().trace(network)) == str(graph)
    except Exception as error:  # noqa: BLE001 - whatever a forward pass does that cannot be traced
        return NoCut(f"its forward pass cannot be traced ({type(error).__name__})")
    finally:
        set_training(network, frozen)
    if not same:
        return NoCut("its forward pass differs between training and evaluation")
    nodes = list(graph.nodes)
    modules = dict(network.named_modules())
    steady, then = _steady(nodes, modules, network)
    at = _last_single(nodes, steady)
    if at is None or not any(_has_parameters(node, modules) for node in nodes[: at + 1]):
        return NoCut(f"it begins with {then}")
    last = next(str(node.target) for node in reversed(nodes[: at + 1]) if node.op == "call_module")
    before, after = _split(network, nodes, at)
    set_training(after, frozen)
    return Cut(before, after, last, then)


class _Tracer(fx.Tracer):
    """Takes layers, also those of other libraries, as they are: they ask for themselves whether they train."""

    def is_leaf_module(self, m: nn.Module, module_qualified_name: str) -> bool:
        return super().is_leaf_module(m, module_qualified_name) or next(m.children(), None) is None


def _steady(nodes: Sequence[fx.Node], modules: dict[str, nn.Module], network: nn.Module) -> tuple[int, str]:
    """How many steps from the first give the same values in every epoch, and what comes next, in words."""
    beside = _beside_images(nodes)
    for index, node in enumerate(nodes):
        obstacle = _obstacle(node, modules, network)
        if beside.intersection(node.all_input_nodes):
            obstacle = "what is made of the text"
        if obstacle:
            return index, obstacle
    return len(nodes), "nothing"


def _beside_images(nodes: Sequence[fx.Node]) -> set[fx.Node]:
    """What the network takes beside the images; a part that is computed once for all runs is given none of it."""
    return {node for node in nodes[1:] if node.op == "placeholder"}


def _obstacle(node: fx.Node, modules: dict[str, nn.Module], network: nn.Module) -> str:
    """Why a step may give other values next time; empty where it does not."""
    name = str(node.target)
    match node.op:
        case "call_module":
            why = _unsteadiness(modules[name])
            return f"{name} ({type(modules[name]).__name__}), {why}" if why else ""
        case "call_function" | "call_method":
            called = name if isinstance(node.target, str) else getattr(node.target, "__name__", name)
            return f"{called}, which draws at random" if any(word in called for word in RANDOM_WORDS) else ""
        case "get_attr":
            value = network
            for part in name.split("."):
                value = getattr(value, part)
            return f"{name}, which is trained" if getattr(value, "requires_grad", False) else ""
        case "output":
            return "the logits"
    return ""


def _unsteadiness(module: nn.Module) -> str:
    """Why a module may give other values next time; empty where it does not."""
    if any(parameter.requires_grad for parameter in module.parameters()):
        return "which is trained"
    if any(sub.training and isinstance(sub, _NormBase) for sub in module.modules()):
        return "which normalises by the batch"
    if any(_draws(sub) for sub in module.modules()):
        return "which draws at random"
    home = type(module).__module__
    is_known = home.startswith("torch.nn.") or home in KNOWN
    return "" if is_known else "of which it is not known that it draws nothing"


def _draws(module: nn.Module) -> bool:
    if isinstance(module, ALWAYS_RANDOM):
        return True
    if not module.training:
        return False
    if isinstance(module, RANDOM_WITH_DROPOUT):
        return module.dropout > 0
    if type(module).__name__ == "StochasticDepth":
        return True
    return isinstance(module, nn.RReLU) or (isinstance(module, _DropoutNd) and module.p > 0)


def _last_single(nodes: Sequence[fx.Node], steady: int) -> int | None:
    """The last step up to which a single value is all that later steps use; None where there is none.

    What is given beside the images is given to the later steps again.
    """
    given = _beside_images(nodes)
    first = {node: index for index, node in enumerate(nodes)}
    reach = [max((first[user] for user in node.users), default=-1) for node in nodes]
    for at in range(steady - 1, 0, -1):
        node = nodes[at]
        carried = [i for i in range(at + 1) if reach[i] > at and nodes[i].op != "get_attr" and nodes[i] not in given]
        if carried == [at] and node.op != "placeholder":
            return at
    return None


def _has_parameters(node: fx.Node, modules: dict[str, nn.Module]) -> bool:
    return node.op == "call_module" and next(modules[str(node.target)].parameters(), None) is not None


def _split(network: nn.Module, nodes: Sequence[fx.Node], at: int) -> tuple[fx.GraphModule, fx.GraphModule]:
    before, after = fx.Graph(), fx.Graph()
    copied: dict[fx.Node, fx.Node] = {}
    given = _beside_images(nodes)
    for node in nodes[: at + 1]:
        if node in given:
            continue
        copied[node] = before.node_copy(node, lambda n: copied[n])
    before.output(copied[nodes[at]])
    moved: dict[fx.Node, fx.Node] = {nodes[at]: after.placeholder("features_of_images")}
    later = set(nodes[at + 1 :])
    for node in nodes[:at]:
        if (node.op == "get_attr" or node in given) and later.intersection(node.users):
            moved[node] = after.node_copy(node)
    for node in nodes[at + 1 :]:
        moved[node] = after.node_copy(node, lambda n: moved[n])
    return fx.GraphModule(network, before), fx.GraphModule(network, after)
