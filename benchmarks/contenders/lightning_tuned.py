"""Lightning by somebody who has read its page on speed: workers decode once, the images stay in memory, channels last,
a fused optimizer, no logger, no checkpoints, no progress bar, no sanity check, large batches where there are no
gradients.
"""

from __future__ import annotations

import os

import lightning
import torch
from lightning_documented import Classifier, Watch
from network import MEAN, STD
from torch import Tensor
from torch.utils.data import DataLoader, TensorDataset, random_split
from torchvision import datasets, transforms
from work import BATCH, LEARNING_RATE, SIZE, read_arguments, tell_end


class Tuned(Classifier):
    def __init__(self, classes: int) -> None:
        super().__init__(classes)
        self.network = self.network.to(memory_format=torch.channels_last)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=LEARNING_RATE, fused=True)


def in_memory(folder: datasets.ImageFolder) -> TensorDataset:
    """Decoded once, by all processors; channels last."""
    loader = DataLoader(folder, batch_size=64, num_workers=os.cpu_count() or 1)
    images, labels = zip(*loader, strict=True)
    return TensorDataset(torch.cat(images).contiguous(memory_format=torch.channels_last), torch.cat(labels))


def loaded(part: torch.utils.data.Dataset, batch: int, *, shuffle: bool = False) -> DataLoader:
    """Batches of images that are in memory: a worker would only copy them."""
    return DataLoader(part, batch_size=batch, shuffle=shuffle, collate_fn=stacked)


def stacked(chosen: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
    images, labels = zip(*chosen, strict=True)
    return [torch.stack(images).to(memory_format=torch.channels_last), torch.stack(labels)]


def main() -> None:
    work = read_arguments()
    lightning.seed_everything(work.seed, verbose=False)
    transform = transforms.Compose(
        [transforms.Resize((SIZE, SIZE)), transforms.ToTensor(), transforms.Normalize(MEAN.tolist(), STD.tolist())]
    )
    everything = in_memory(datasets.ImageFolder(str(work.root / "train"), transform))
    test_folder = datasets.ImageFolder(str(work.root / "test"), transform)
    train, val = random_split(everything, [len(everything) - work.val, work.val])
    trainer = lightning.Trainer(
        max_epochs=work.epochs,
        callbacks=[Watch()],
        logger=False,
        enable_checkpointing=False,
        enable_progress_bar=False,
        enable_model_summary=False,
        num_sanity_val_steps=0,
    )
    model = Tuned(len(test_folder.classes))
    trainer.fit(model, loaded(train, BATCH, shuffle=True), loaded(val, 512))
    (scores,) = trainer.test(model, loaded(in_memory(test_folder), 512), verbose=False)
    tell_end(scores["test_accuracy"])


if __name__ == "__main__":
    main()
