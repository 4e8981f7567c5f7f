"""In the manner of torchvision's reference classification: percent, `Acc@1`, an output folder, --resume, warm words."""

import argparse
import os
import time

import numpy as np
import torch
from drawn import draw
from torch import nn


def evaluate(model, criterion, loader, header="Test:"):
    model.eval()
    loss = right = n = 0
    with torch.inference_mode():
        for image, target in loader:
            output = model(image)
            loss += criterion(output, target).item() * len(target)
            right += (output.argmax(1) == target).sum().item()
            n += len(target)
    print(f"{header}   Acc@1 {100 * right / n:.3f} Acc@5 {100.0:.3f} loss {loss / n:.4f}")
    return 100 * right / n


def get_args_parser():
    parser = argparse.ArgumentParser(description="Classification Training", add_help=True)
    parser.add_argument("--model", default="mlp", type=str)
    parser.add_argument("-b", "--batch-size", default=32, type=int)
    parser.add_argument("--epochs", default=4, type=int)
    parser.add_argument("--opt", default="sgd", type=str)
    parser.add_argument("--lr", default=0.1, type=float)
    parser.add_argument("--wd", "--weight-decay", default=1e-4, type=float, dest="weight_decay")
    parser.add_argument("--label-smoothing", default=0.0, type=float, dest="label_smoothing")
    parser.add_argument("--lr-milestones", nargs="+", default=[3], type=int)
    parser.add_argument("--output-dir", default=".", type=str)
    parser.add_argument("--resume", default="", type=str)
    parser.add_argument("--test-only", action="store_true")
    parser.add_argument("--random-seed", default=0, type=int)
    return parser


def main(args):
    os.makedirs(args.output_dir, exist_ok=True)
    print(args)
    torch.manual_seed(args.random_seed)
    torch.set_num_threads(1)
    images, targets = draw()
    order = np.random.default_rng(args.random_seed).permutation(len(targets))
    data = torch.utils.data.TensorDataset(torch.from_numpy(images[order]), torch.from_numpy(targets[order]))
    fit = torch.utils.data.DataLoader(torch.utils.data.Subset(data, range(160)), args.batch_size, shuffle=True)
    held = torch.utils.data.DataLoader(torch.utils.data.Subset(data, range(160, 240)), args.batch_size)
    model = nn.Sequential(nn.Flatten(), nn.Linear(36, 16), nn.ReLU(), nn.Linear(16, 3))
    criterion = nn.CrossEntropyLoss(label_smoothing=args.label_smoothing)
    optimizer = torch.optim.SGD(model.parameters(), lr=args.lr, momentum=0.9, weight_decay=args.weight_decay)
    scheduler = torch.optim.lr_scheduler.MultiStepLR(optimizer, args.lr_milestones)
    start_epoch = 0
    if args.resume:
        checkpoint = torch.load(args.resume, map_location="cpu")
        model.load_state_dict(checkpoint["model"])
        optimizer.load_state_dict(checkpoint["optimizer"])
        scheduler.load_state_dict(checkpoint["lr_scheduler"])
        start_epoch = checkpoint["epoch"] + 1
    print("Start training")
    start_time = time.time()
    for epoch in range(start_epoch, args.epochs):
        model.train()
        for image, target in fit:
            loss = criterion(model(image), target)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        scheduler.step()
        print(f"Epoch: [{epoch}]  loss {loss.item():.4f}")
        evaluate(model, criterion, held)
        state = {"model": model.state_dict(), "optimizer": optimizer.state_dict()}
        state |= {"lr_scheduler": scheduler.state_dict(), "epoch": epoch}
        torch.save(state, os.path.join(args.output_dir, "checkpoint.pth"))
    print(f"Training time {time.time() - start_time:.0f}")


if __name__ == "__main__":
    main(get_args_parser().parse_args())
