"""Lightning as its first pages have it: a LightningModule, plain DataLoaders, a Trainer with its defaults."""

from __future__ import annotations

import tempfile

import lightning
import torch
from network import MEAN, STD, quarter_vgg16
from torch import nn
from torch.utils.data import DataLoader, random_split
from torchvision import datasets, transforms
from work import BATCH, LEARNING_RATE, SIZE, read_arguments, tell_end, tell_epoch


class Classifier(lightning.LightningModule):
    def __init__(self, classes: int) -> None:
        super().__init__()
        self.network = quarter_vgg16(classes)

    def training_step(self, batch: list[torch.Tensor], number: int) -> torch.Tensor:
        images, labels = batch
        loss = nn.functional.cross_entropy(self.network(images), labels)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch: list[torch.Tensor], number: int) -> None:
        self._score("val", batch)

    def test_step(self, batch: list[torch.Tensor], number: int) -> None:
        self._score("test", batch)

    def _score(self, part: str, batch: list[torch.Tensor]) -> None:
        images, labels = batch
        logits = self.network(images)
        self.log(f"{part}_loss", nn.functional.cross_entropy(logits, labels))
        self.log(f"{part}_accuracy", (logits.argmax(1) == labels).float().mean(), prog_bar=True)

    def configure_optimizers(self) -> torch.optim.Optimizer:
        return torch.optim.Adam(self.parameters(), lr=LEARNING_RATE)


class Watch(lightning.Callback):
    """Tells the benchmark that an epoch is over."""

    def on_train_epoch_end(self, trainer: lightning.Trainer, module: lightning.LightningModule) -> None:
        tell_epoch(trainer.current_epoch + 1, float(trainer.callback_metrics["val_accuracy"]))


def main() -> None:
    work = read_arguments()
    lightning.seed_everything(work.seed, verbose=False)
    transform = transforms.Compose(
        [transforms.Resize((SIZE, SIZE)), transforms.ToTensor(), transforms.Normalize(MEAN.tolist(), STD.tolist())]
    )
    everything = datasets.ImageFolder(str(work.root / "train"), transform)
    test = datasets.ImageFolder(str(work.root / "test"), transform)
    train, val = random_split(everything, [len(everything) - work.val, work.val])
    with tempfile.TemporaryDirectory() as logs:
        trainer = lightning.Trainer(max_epochs=work.epochs, default_root_dir=logs, callbacks=[Watch()])
        model = Classifier(len(everything.classes))
        trainer.fit(model, DataLoader(train, batch_size=BATCH, shuffle=True), DataLoader(val, batch_size=BATCH))
        (scores,) = trainer.test(model, DataLoader(test, batch_size=BATCH), verbose=False)
    tell_end(scores["test_accuracy"])


if __name__ == "__main__":
    main()
