"""In the manner of a Lightning module with its CSVLogger: fit, then test, numbers in version_0/metrics.csv.

The few lines below `Trainer` stand for the package: hooks, `self.log`, a logger that writes the columns Lightning does.
"""

import argparse
import csv
import pathlib

import torch
import torch.nn.functional as F
from drawn import draw
from torch import nn


class CSVLogger:
    def __init__(self, save_dir, name="lightning_logs"):
        folder = pathlib.Path(save_dir, name)
        version = len(list(folder.glob("version_*"))) if folder.exists() else 0
        self.path = folder / f"version_{version}" / "metrics.csv"
        self.path.parent.mkdir(parents=True)
        self.rows = []

    def log_metrics(self, metrics, step, epoch):
        self.rows.append({"epoch": epoch, "step": step} | metrics)
        names = list(dict.fromkeys(key for row in self.rows for key in row))
        with self.path.open("w", newline="") as stream:
            writer = csv.DictWriter(stream, names)
            writer.writeheader()
            writer.writerows(self.rows)


class LightningModule(nn.Module):
    def log(self, name, value):
        self.logged[name] = float(value)


class Trainer:
    def __init__(self, max_epochs, logger):
        self.max_epochs, self.logger, self.step = max_epochs, logger, 0

    def fit(self, module, train, val):
        optimizer = module.configure_optimizers()
        for epoch in range(self.max_epochs):
            module.logged = {}
            module.train()
            for i, batch in enumerate(train):
                loss = module.training_step(batch, i)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                self.step += 1
            module.eval()
            with torch.no_grad():
                for i, batch in enumerate(val):
                    module.validation_step(batch, i)
            self.logger.log_metrics(module.logged, self.step, epoch)

    def test(self, module, loader):
        module.logged = {}
        module.eval()
        with torch.no_grad():
            for i, batch in enumerate(loader):
                module.test_step(batch, i)
        self.logger.log_metrics(module.logged, self.step, self.max_epochs)


class LitClassifier(LightningModule):
    def __init__(self, hidden, lr, batch_norm):
        super().__init__()
        norm = [nn.BatchNorm1d(hidden)] if batch_norm else []
        self.net = nn.Sequential(nn.Flatten(), nn.Linear(36, hidden), *norm, nn.ReLU(), nn.Linear(hidden, 3))
        self.lr = lr

    def training_step(self, batch, batch_idx):
        x, y = batch
        loss = F.cross_entropy(self.net(x), y)
        self.log("train_loss", loss)
        return loss

    def validation_step(self, batch, batch_idx):
        self.log("val_acc", (self.net(batch[0]).argmax(1) == batch[1]).float().mean())

    def test_step(self, batch, batch_idx):
        self.log("test_acc", (self.net(batch[0]).argmax(1) == batch[1]).float().mean())

    def configure_optimizers(self):
        return torch.optim.Adam(self.parameters(), lr=self.lr)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--hidden", type=int, default=16)
    parser.add_argument("--lr", type=float, default=1e-2)
    parser.add_argument("--batch-norm", action=argparse.BooleanOptionalAction, default=False)
    parser.add_argument("--max-epochs", type=int, default=3)
    parser.add_argument("--default-root-dir", default=".")
    parser.add_argument("--seed", type=int, default=0)
    args = parser.parse_args()
    torch.manual_seed(args.seed)
    torch.set_num_threads(1)
    images, targets = draw()
    data = torch.utils.data.TensorDataset(torch.from_numpy(images), torch.from_numpy(targets))
    fit, val, held = torch.utils.data.random_split(data, [140, 20, 80])
    trainer = Trainer(args.max_epochs, CSVLogger(args.default_root_dir))
    module = LitClassifier(args.hidden, args.lr, args.batch_norm)
    trainer.fit(module, torch.utils.data.DataLoader(fit, 32, shuffle=True), torch.utils.data.DataLoader(val, 20))
    trainer.test(module, torch.utils.data.DataLoader(held, 80))
