"""What an engineer writes who has one network to train here and knows torch: nothing is done twice, nothing waits.

Every image is decoded once, normalised once and kept in memory, channels last; fused Adam; all threads; large batches
where there are no gradients; no number is read before the epoch is over. torchvision is not imported, since nothing
of it is needed. --decoders: processes that decode; 1 is a plain loop over the files.
"""

from __future__ import annotations

import os
import sys

if sys.platform == "linux" and "THP_MEM_ALLOC_ENABLE" not in os.environ:
    # Freed tensors stay with the process, on huge pages. Read before main(), hence the new process.
    kept = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000", "THP_MEM_ALLOC_ENABLE": "1"}
    os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | kept)

from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image


def decode(path: Path) -> np.ndarray:
    from work import SIZE

    with Image.open(path) as image:
        return np.asarray(image.convert("RGB").resize((SIZE, SIZE), Image.Resampling.BILINEAR))


def decoded(paths: list[Path], decoders: int) -> np.ndarray:
    """(N, S, S, 3) uint8."""
    if decoders == 1:
        return np.stack([decode(path) for path in paths])
    with ProcessPoolExecutor(decoders) as pool:  # begun before torch is there: cheap to fork
        return np.stack(list(pool.map(decode, paths, chunksize=32)))


def main() -> None:
    decoders = 1
    if sys.argv[-2] == "--decoders":
        decoders = int(sys.argv.pop())
        sys.argv.pop()
    from work import BATCH, LEARNING_RATE, read_arguments, tell_end, tell_epoch

    work = read_arguments()
    classes = sorted(folder.name for folder in (work.root / "train").iterdir())
    paths = {part: sorted((work.root / part).glob("*/*.jpg")) for part in ("train", "test")}
    pixels = decoded([*paths["train"], *paths["test"]], decoders)

    import torch
    from network import MEAN, STD, quarter_vgg16
    from torch import nn

    torch.manual_seed(work.seed)
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    labels = torch.tensor([classes.index(path.parent.name) for part in paths.values() for path in part], device=device)
    # Stored as (N, S, S, 3): a permuted view of it is channels last, and choosing images copies whole rows.
    stored = torch.from_numpy(pixels).to(device).float().div_(255).sub_(MEAN.to(device)).div_(STD.to(device))
    count = len(paths["train"])
    shuffled = torch.randperm(count, device=device)
    val, fit, test = shuffled[: work.val], shuffled[work.val :], torch.arange(count, len(stored), device=device)
    network = quarter_vgg16(len(classes)).to(device, memory_format=torch.channels_last)
    optimizer = torch.optim.Adam(network.parameters(), lr=LEARNING_RATE, fused=True)

    def images_of(rows: torch.Tensor) -> torch.Tensor:
        return stored.index_select(0, rows).permute(0, 3, 1, 2)

    @torch.inference_mode()
    def score(rows: torch.Tensor) -> float:
        network.eval()
        guesses = torch.cat([network(images_of(part)).argmax(1) for part in rows.split(512)])
        return (guesses == labels.index_select(0, rows)).float().mean().item()

    for epoch in range(work.epochs):
        network.train()
        losses = []
        for rows in fit.index_select(0, torch.randperm(len(fit), device=device)).split(BATCH):
            loss = nn.functional.cross_entropy(network(images_of(rows)), labels.index_select(0, rows))
            optimizer.zero_grad(set_to_none=True)
            loss.backward()
            optimizer.step()
            losses.append(loss.detach())
        if not torch.stack(losses).mean().isfinite():
            sys.exit("diverged")
        tell_epoch(epoch + 1, score(val))
    tell_end(score(test))


if __name__ == "__main__":
    main()
