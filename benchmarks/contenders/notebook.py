"""The loop of the tutorials: ImageFolder and a DataLoader that decodes every image in every epoch."""

from __future__ import annotations

import copy
import os

import torch
from network import MEAN, STD, quarter_vgg16
from torch import nn
from torch.utils.data import DataLoader, random_split
from torchvision import datasets, transforms
from work import BATCH, LEARNING_RATE, SIZE, read_arguments, tell_end, tell_epoch


def main() -> None:
    work = read_arguments()
    torch.manual_seed(work.seed)
    transform = transforms.Compose(
        [transforms.Resize((SIZE, SIZE)), transforms.ToTensor(), transforms.Normalize(MEAN.tolist(), STD.tolist())]
    )
    everything = datasets.ImageFolder(str(work.root / "train"), transform)
    test = datasets.ImageFolder(str(work.root / "test"), transform)
    train, val = random_split(everything, [len(everything) - work.val, work.val])
    # The tutorials say 4 workers; torch itself advises against more than there are processors.
    workers = min(4, os.cpu_count() or 1)
    loaders = {
        name: DataLoader(part, batch_size=BATCH, shuffle=name == "train", num_workers=workers)
        for name, part in (("train", train), ("val", val), ("test", test))
    }
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    model = quarter_vgg16(len(everything.classes)).to(device)
    criterion = nn.CrossEntropyLoss()
    optimizer = torch.optim.Adam(model.parameters(), lr=LEARNING_RATE)
    best, best_weights = 0.0, copy.deepcopy(model.state_dict())
    for epoch in range(work.epochs):
        model.train()
        running_loss, running_corrects = 0.0, 0
        for inputs, labels in loaders["train"]:
            inputs, labels = inputs.to(device), labels.to(device)
            optimizer.zero_grad()
            outputs = model(inputs)
            loss = criterion(outputs, labels)
            loss.backward()
            optimizer.step()
            running_loss += loss.item() * inputs.size(0)
            running_corrects += torch.sum(outputs.argmax(1) == labels).item()
        accuracy = score(model, loaders["val"], device)
        if accuracy > best:
            best, best_weights = accuracy, copy.deepcopy(model.state_dict())
        tell_epoch(epoch + 1, accuracy)
    del best_weights  # kept as the tutorials do; the last epoch is tested, as by all the others
    tell_end(score(model, loaders["test"], device))


def score(model: nn.Module, loader: DataLoader, device: torch.device) -> float:
    model.eval()
    correct, seen = 0, 0
    with torch.no_grad():
        for inputs, labels in loader:
            outputs = model(inputs.to(device))
            correct += (outputs.argmax(1) == labels.to(device)).sum().item()
            seen += len(labels)
    return correct / seen


if __name__ == "__main__":
    main()
