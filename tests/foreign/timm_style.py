"""In the manner of timm's train.py: two parsers, a YAML file of arguments, percent, a summary.csv below the output."""

import argparse
import csv
import os
import random
import time

import numpy as np
import yaml
from drawn import draw

config_parser = parser = argparse.ArgumentParser(description="Training Config", add_help=False)
parser.add_argument("-c", "--config", default="", type=str, metavar="FILE")
parser = argparse.ArgumentParser(description="Training")
parser.add_argument("--model", default="linear", type=str)
parser.add_argument("--lr", type=float, default=None)
parser.add_argument("--weight-decay", type=float, default=2e-5)
parser.add_argument("--epochs", type=int, default=30)
parser.add_argument("--mixup", type=float, default=0.0)
parser.add_argument("--decay-milestones", default=[90, 180], type=int, nargs="+")
parser.add_argument("--seed", type=int, default=42)
parser.add_argument("--output", default="", type=str)
parser.add_argument("--experiment", default="", type=str)


def _parse_args():
    args_config, remaining = config_parser.parse_known_args()
    if args_config.config:
        with open(args_config.config) as f:
            cfg = yaml.safe_load(f)
            parser.set_defaults(**cfg)
    return parser.parse_args(remaining)


def update_summary(epoch, train_metrics, eval_metrics, filename, write_header):
    row = {"epoch": epoch} | {f"train_{k}": v for k, v in train_metrics.items()}
    row |= {f"eval_{k}": v for k, v in eval_metrics.items()}
    with open(filename, "a", newline="") as stream:
        writer = csv.DictWriter(stream, row)
        if write_header:
            writer.writeheader()
        writer.writerow(row)


def main():
    args = _parse_args()
    random.seed(args.seed)
    rng = np.random.default_rng(args.seed)
    exp_name = args.experiment or "-".join([time.strftime("%Y%m%d-%H%M%S"), args.model])
    output_dir = os.path.join(args.output or "./output/train", exp_name)
    os.makedirs(output_dir)
    images, targets = draw()
    x, y = images.reshape(len(images), -1), np.eye(3)[targets]
    fit, held = np.split(rng.permutation(len(x)), [160])
    weights, best = rng.normal(0, 0.01, (x.shape[1], 3)), 0.0
    for epoch in range(args.epochs):
        other, share = rng.permutation(fit), rng.beta(args.mixup, args.mixup) if args.mixup else 1.0
        a, b = share * x[fit] + (1 - share) * x[other], share * y[fit] + (1 - share) * y[other]
        p = np.exp(a @ weights)
        p /= p.sum(1, keepdims=True)
        lr = args.lr * 0.1 ** sum(epoch >= m for m in args.decay_milestones)
        weights -= lr * (a.T @ (p - b) / len(fit) + args.weight_decay * weights)
        top1 = 100 * ((x[held] @ weights).argmax(1) == targets[held]).mean()
        best = max(best, top1)
        loss = -(b * np.log(p)).sum(1).mean()
        update_summary(epoch, {"loss": loss}, {"top1": top1}, os.path.join(output_dir, "summary.csv"), epoch == 0)
    print(f"*** Best metric: {best}")


if __name__ == "__main__":
    main()
