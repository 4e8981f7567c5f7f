"""Networks and their parts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal, get_args

from pydantic import Discriminator, Field, Tag, model_validator

from ablate.settings import Settings
from ablate.training.config.bounds import Count, Probability
from ablate.training.config.text import TextEncoder

Activation = Literal["relu", "leaky_relu", "silu"]
"""leaky_relu has a slope of 0.01 below zero; silu (Swish) is x * sigmoid(x)."""

Init = Literal["default", "he", "xavier"]
"""First weights of convolutions and linear layers.

default: torch's own (uniform, by fan-in). he: normal with variance 2 / fan-in (He et al. 2015).
xavier: uniform with variance 2 / (fan-in + fan-out) (Glorot & Bengio 2010). The latter two set
biases to 0.
"""


class BatchNorm(Settings):
    """Batch normalisation: after each convolution, after each activation, or once a block."""

    name: Literal["batch"]
    position: Literal["after_conv", "after_activation", "block_end"] = "after_conv"
    """block_end: once, between the block's last activation and its pooling."""


class PlainBatchNorm(Settings):
    """Batch normalisation, at the place the network gives it."""

    name: Literal["batch"]


class Dropout(Settings):
    """Probabilities of dropping; null leaves a place without dropout."""

    features: Probability | None = None
    """On the feature map, between the last block and the head's pooling."""
    classifier: Probability | None = None
    """After each hidden layer of an `fc` head."""


class FullyConnected(Settings):
    """Average-pool to `pool` x `pool`, flatten, hidden linear layers, one linear layer to the classes."""

    name: Literal["fc"]
    hidden: list[Count]
    """Widths of the hidden layers; [] is a one-layer head."""
    pool: Count = 7


class GlobalAveragePool(Settings):
    """Average each feature map to one value, one linear layer to the classes."""

    name: Literal["gap"]


Head = Annotated[FullyConnected | GlobalAveragePool, Field(discriminator="name")]


class _Network(Settings):
    width: Count = 64
    """Channels of the first block; each next block doubles them, up to eight times the first."""
    activation: Activation = "relu"
    """leaky_relu has a slope of 0.01 below zero; silu (Swish) is x * sigmoid(x)."""
    init: Init = "default"
    """First weights: torch's own, He's (normal, for ReLU) or Xavier's (uniform); the latter two with zero biases."""

    @property
    def stride(self) -> int:
        """The side of the smallest image of which a pixel is left after all poolings."""
        return 32

    @property
    def torchvision_name(self) -> str:
        """The network of torchvision with the same layers, whose weights fit; empty where there is none."""
        return ""


class _VggSettings(_Network):
    norm: BatchNorm | None = None
    dropout: Dropout | None = None
    head: Head


class NamedVgg(_VggSettings):
    """A published VGG: 11, 13, 16 or 19 layers in five blocks (Simonyan & Zisserman 2015)."""

    name: Literal["vgg11", "vgg13", "vgg16", "vgg19"]

    @property
    def torchvision_name(self) -> str:
        """The one of the same number of layers, with batch norm or without."""
        return self.name if self.norm is None else f"{self.name}_bn"


class FreeVgg(_VggSettings):
    """A VGG with blocks of your own."""

    name: Literal["vgg"]
    blocks: Annotated[list[Count], Field(min_length=1)]
    """Number of 3x3 convolutions in each block; each block ends in 2x2 max-pooling."""

    @property
    def stride(self) -> int:
        """Halved by each block."""
        return int(2 ** len(self.blocks))


class Vgg3d(_VggSettings):
    """A VGG for clips: 3x3x3 convolutions, pooled over space by each block and over time by each but the first."""

    name: Literal["vgg3d"]
    blocks: Annotated[list[Count], Field(min_length=1)] = Field(default=[1, 1, 2, 2, 2])
    """Number of convolutions in each block; VGG11's. Time is pooled for as long as there are two frames."""

    @property
    def stride(self) -> int:
        """Halved by each block."""
        return int(2 ** len(self.blocks))


class FramesLstm(_Network):
    """A VGG for each frame of a clip, and one LSTM over what it gives; its last state names the class."""

    name: Literal["frames_lstm"]
    blocks: Annotated[list[Count], Field(min_length=1)] = Field(default=[1, 1, 2, 2, 2])
    """Number of 3x3 convolutions in each block; VGG11's."""
    norm: BatchNorm | None = None
    pool: Count = 1
    """The last feature map is averaged to `pool` x `pool`; 1 keeps nothing of where something is in a frame."""
    hidden: Count = 256
    """Width of the LSTM."""
    dropout: Probability | None = None
    """On the LSTM's last state, before the last layer."""

    @property
    def stride(self) -> int:
        """Halved by each block."""
        return int(2 ** len(self.blocks))


class Vgg16Net(_Network):
    """VGG_16Net for 32x32 images: no activation between the convolutions of a block, padded 1x1 ones and pools."""

    name: Literal["vgg16net"]
    norm: PlainBatchNorm | None = Field(default=PlainBatchNorm(name="batch"))
    dropout: Probability | None = 0.5
    """After each of the two hidden layers."""


class FoodCnn(_Network):
    """Five times convolution, batch norm, activation and pooling, then linear layers; for 128x128 images."""

    name: Literal["food_cnn"]
    norm: PlainBatchNorm | None = Field(default=PlainBatchNorm(name="batch"))
    hidden: list[Count] = Field(default=[1024, 512])
    """Widths of the hidden linear layers."""
    dropout: Probability | None = None
    """After each hidden layer."""


class Resnet(_Network):
    """Residual network of BasicBlocks (He et al. 2016), with global average pooling."""

    name: Literal["resnet18", "resnet34"]
    bias: bool = False
    """Convolutions with a bias, though a batch norm follows that takes it out again."""
    stem: Literal["large", "small"] = "large"
    """large: 7x7 with stride 2 and a pooling, as published; small: 3x3 and no pooling, for images of 32x32."""
    norm: PlainBatchNorm | None = Field(default=PlainBatchNorm(name="batch"))
    dropout: Probability | None = None
    """On the pooled features, before the last layer."""

    @property
    def stride(self) -> int:
        """A quarter of it is the large stem's."""
        return 32 if self.stem == "large" else 8

    @property
    def torchvision_name(self) -> str:
        """The one of the same number of layers."""
        return self.name


class ByName(Settings):
    """A network of torchvision, of timm (an extra), or of a function of yours."""

    name: Annotated[
        str,
        Field(
            pattern=":",
            examples=["torchvision:NAME", "timm:NAME", "my_pkg.nets:make"],
        ),
    ]
    """`my_pkg.nets:make` is called as make(channels=..., classes=..., image_size=..., **options)."""
    options: dict[str, bool | int | float | str | None] = Field(default={})
    """Keyword arguments handed to the network's builder."""

    @property
    def torchvision_name(self) -> str:
        """The network itself, where it is torchvision's."""
        library, _, name = self.name.partition(":")
        return name if library == "torchvision" else ""


FOR_CLIPS = ("vgg3d", "frames_lstm")
"""Names of the networks that take clips of several frames."""

_IMAGE_FAMILIES = (NamedVgg, FreeVgg, Vgg16Net, FoodCnn, Resnet)
_CLIP_FAMILIES = (Vgg3d, FramesLstm)


def _family_of(block: Any) -> str | None:
    """The tag of the block meant: the class of its name; the name itself where nobody has it."""
    name = block.get("name") if isinstance(block, Mapping) else getattr(block, "name", None)
    if not isinstance(name, str):
        return None
    if ":" in name:
        return ByName.__name__
    families = (*_IMAGE_FAMILIES, *_CLIP_FAMILIES, Fusion)
    owners = (family for family in families if name in get_args(family.model_fields["name"].annotation))
    return next((family.__name__ for family in owners), name)


ImageModel = Annotated[
    Annotated[NamedVgg, Tag("NamedVgg")]
    | Annotated[FreeVgg, Tag("FreeVgg")]
    | Annotated[Vgg16Net, Tag("Vgg16Net")]
    | Annotated[FoodCnn, Tag("FoodCnn")]
    | Annotated[Resnet, Tag("Resnet")]
    | Annotated[ByName, Tag("ByName")],
    Discriminator(_family_of),
]
"""Networks that look at an image alone."""


class Fusion(Settings):
    """Image and text: what each of them becomes is put side by side, and linear layers name the classes."""

    name: Literal["fusion"]
    image: ImageModel | None = None
    """A network of images without its output layer: what that layer would be handed is the image's feature. null: the
    text alone."""
    text: TextEncoder | None = None
    """What makes numbers of the text, which a source names by its column; null: the image alone."""
    hidden: list[Count] = Field(default=[256])
    """Widths of the hidden layers behind the join; [] is one linear layer to the classes."""
    activation: Activation = "relu"
    """Of the hidden layers."""
    dropout: Probability | None = None
    """After each hidden layer."""
    init: Init = "default"
    """First weights of the layers behind the join."""

    @model_validator(mode="after")
    def _has_a_branch(self) -> Fusion:
        if self.image is None and self.text is None:
            raise ValueError("model.image and model.text are both null; give one of them, or both")
        return self

    @property
    def stride(self) -> int:
        """That of the image's network, where it is known."""
        return getattr(self.image, "stride", 1)

    @property
    def norm(self) -> Settings | None:
        """That of the image's network."""
        return getattr(self.image, "norm", None)

    @property
    def torchvision_name(self) -> str:
        """That of the image's network, whose weights fit it."""
        return "" if self.image is None else self.image.torchvision_name


Model = Annotated[
    Annotated[NamedVgg, Tag("NamedVgg")]
    | Annotated[FreeVgg, Tag("FreeVgg")]
    | Annotated[Vgg16Net, Tag("Vgg16Net")]
    | Annotated[FoodCnn, Tag("FoodCnn")]
    | Annotated[Resnet, Tag("Resnet")]
    | Annotated[Vgg3d, Tag("Vgg3d")]
    | Annotated[FramesLstm, Tag("FramesLstm")]
    | Annotated[Fusion, Tag("Fusion")]
    | Annotated[ByName, Tag("ByName")],
    Discriminator(_family_of),
]


def encoder_of(model: Model) -> TextEncoder | None:
    """What makes numbers of the texts that a network takes beside the images; None for one that takes none."""
    return model.text if isinstance(model, Fusion) else None


def takes_text(model: Model) -> bool:
    """Whether the family has a place for text, whatever its settings make of it."""
    return isinstance(model, Fusion)
