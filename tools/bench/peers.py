"""Training steps of PyTorch and Opacus on the data, model and batch size of Benchmarks/Sources/Throughput.

Reads lines "MODE THREADS SECONDS" from standard input and answers each with one JSON line. Batches are of fixed size and
come from tensors in memory, so that no loader is measured; dpflsim reads bytes and draws Poisson batches.
"""

import gzip
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

warnings.filterwarnings("ignore")

EXAMPLES = 8000
# Of each client of a federated run.
TESTED = 500
BATCH = 32
RANK, SCALE = 4, 2.0
LEARNING_RATE, MAX_GRAD_NORM, NOISE_MULTIPLIER = 0.05, 1.0, 1.0


def fashion_mnist(folder, count=EXAMPLES):
    """The first images of the training part, normalised as dpflsim does, and their labels."""
    def read(name, header):
        with gzip.open(Path(folder) / f"{name}.gz") as file:
            return np.frombuffer(file.read(), np.uint8, offset=header)
    images = read("train-images-idx3-ubyte", 16).reshape(-1, 1, 28, 28)[:count]
    labels = read("train-labels-idx1-ubyte", 8)[:count]
    images = (images.astype(np.float32) / 255 - 0.1307) / 0.3081
    return torch.from_numpy(images), torch.from_numpy(labels.astype(np.int64))


def dealt(folder, clients, examples):
    """Training and test parts of every client, drawn with torch's generator: pairs of images and labels."""
    images, labels = fashion_mnist(folder, clients * (examples + TESTED))
    order = torch.randperm(len(labels))
    train, test = order[:clients * examples], order[clients * examples:]
    return [[(images[part], labels[part]) for part in parts]
            for parts in (train.split(examples), test.split(TESTED))]


def mean_accuracy(model, tests):
    with torch.no_grad():
        accuracies = [(model(x).argmax(1) == y).float().mean().item() for x, y in tests]
    return sum(accuracies) / len(accuracies)


class CNN(nn.Module):
    """The network of the R-DPCFL paper: 28,938 parameters."""

    def __init__(self):
        super().__init__()
        self.conv1 = nn.Conv2d(1, 16, 5, padding=2)
        self.conv2 = nn.Conv2d(16, 32, 5, padding=2)
        self.fc = nn.Linear(1568, 10)

    def forward(self, x):
        x = F.max_pool2d(F.relu(self.conv1(x)), 2)
        x = F.max_pool2d(F.relu(self.conv2(x)), 2)
        return self.fc(x.flatten(1))


class AdaptedConv(nn.Module):
    """W x + b + s·B(A x) with everything but B frozen: A a convolution of RANK channels, B one of 1×1."""

    def __init__(self, base):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.a = nn.Conv2d(base.in_channels, RANK, 5, padding=2, bias=False).requires_grad_(False)
        self.b = nn.Conv2d(RANK, base.out_channels, 1, bias=False)
        nn.init.zeros_(self.b.weight)

    def forward(self, x):
        return self.base(x) + SCALE * self.b(self.a(x))


class AdaptedLinear(nn.Module):
    def __init__(self, base):
        super().__init__()
        self.base = base.requires_grad_(False)
        self.a = nn.Linear(base.in_features, RANK, bias=False).requires_grad_(False)
        self.b = nn.Linear(RANK, base.out_features, bias=False)
        nn.init.zeros_(self.b.weight)

    def forward(self, x):
        return self.base(x) + SCALE * self.b(self.a(x))


def adapted(model):
    model.conv1.requires_grad_(False)
    model.conv2 = AdaptedConv(model.conv2)
    model.fc = AdaptedLinear(model.fc)
    return model


def plain(model, images, labels):
    """A step of stochastic gradient descent without privacy."""
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)

    def step(batch):
        optimizer.zero_grad()
        F.cross_entropy(model(images[batch]), labels[batch]).backward()
        optimizer.step()
    return step


def opacus(model, images, labels, mode):
    """A step of Opacus: mode "hooks" forms every example's gradient, "ghost" its norm alone."""
    from opacus import PrivacyEngine
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=LEARNING_RATE)
    loader = torch.utils.data.DataLoader(
        torch.utils.data.TensorDataset(images, labels), batch_size=BATCH)
    settings = dict(
        module=model, optimizer=optimizer, data_loader=loader, noise_multiplier=NOISE_MULTIPLIER,
        max_grad_norm=MAX_GRAD_NORM, poisson_sampling=False, grad_sample_mode=mode)
    criterion = nn.CrossEntropyLoss()
    if mode == "ghost":
        model, optimizer, criterion, _ = PrivacyEngine().make_private(criterion=criterion, **settings)
    else:
        model, optimizer, _ = PrivacyEngine().make_private(**settings)

    def step(batch):
        optimizer.zero_grad()
        criterion(model(images[batch]), labels[batch]).backward()
        optimizer.step()
    return step


def cached_lora(model, images, labels):
    """The algorithm of dpflsim with its cache: W x + b and A x of the second convolution are kept for
    every example; a step adds the low-rank term and sums clipped per-example gradients of both B."""
    with torch.no_grad():
        inputs = F.max_pool2d(F.relu(model.conv1(images)), 2)
        products = torch.cat([model.conv2.base(part) for part in inputs.split(500)]).flatten(2)
        projections = torch.cat([model.conv2.a(part) for part in inputs.split(500)]).flatten(2)
    base, a = model.fc.base, model.fc.a
    frozen = torch.cat([base.weight, a.weight]).detach()
    bias = base.bias.detach()
    b_conv = model.conv2.b.weight.detach().clone().reshape(32, RANK)
    b_fc = model.fc.b.weight.detach().clone()

    def step(batch):
        u = projections[batch]
        z = torch.baddbmm(products[batch], b_conv.expand(len(batch), -1, -1), u, alpha=SCALE)
        z.requires_grad_(True)
        pooled = F.max_pool2d(F.relu(z).view(-1, 32, 14, 14), 2).flatten(1)
        both = pooled @ frozen.T
        v = both[:, 10:]
        logits = both[:, :10] + bias + SCALE * (v @ b_fc.T)
        loss = F.cross_entropy(logits, labels[batch], reduction="sum")
        grad_z, grad_logits = torch.autograd.grad(loss, [z, logits])
        with torch.no_grad():
            per_conv = SCALE * torch.bmm(grad_z, u.transpose(1, 2))
            per_fc = SCALE * torch.einsum("bi,bk->bik", grad_logits, v)
            norms = (per_conv.square().sum((1, 2)) + per_fc.square().sum((1, 2))).sqrt()
            factors = (MAX_GRAD_NORM / norms).clamp(max=1)
            for b, per in ((b_conv, per_conv), (b_fc, per_fc)):
                total = torch.tensordot(factors, per, 1)
                total += NOISE_MULTIPLIER * MAX_GRAD_NORM * torch.randn_like(total)
                b -= LEARNING_RATE / BATCH * total
    return step


def make_step(mode, images, labels):
    model = CNN()
    if mode == "plain":
        return plain(model, images, labels)
    if mode in ("hooks", "ghost"):
        return opacus(model, images, labels, mode)
    train(plain(model, images, labels), 250)
    if mode == "lora-hooks":
        return opacus(adapted(model), images, labels, "hooks")
    if mode == "lora-cached":
        return cached_lora(adapted(model), images, labels)
    raise SystemExit(f"peers.py: no mode {mode!r}")


def train(step, steps):
    order = torch.randperm(EXAMPLES)
    for index in range(steps):
        start = index * BATCH % (EXAMPLES - BATCH)
        step(order[start:start + BATCH])


def main():
    images, labels = fashion_mnist(sys.argv[1])
    steps = {}
    for line in sys.stdin:
        mode, threads, seconds = line.split()
        torch.manual_seed(1)
        torch.set_num_threads(int(threads))
        if mode not in steps:
            steps[mode] = make_step(mode, images, labels)
        step = steps[mode]
        train(step, 10)
        done, begin, elapsed, cpu_begin = 0, time.perf_counter(), 0.0, time.process_time()
        while elapsed < float(seconds):
            train(step, 10)
            done += 10 * BATCH
            elapsed = time.perf_counter() - begin
        cpu = time.process_time() - cpu_begin
        answer = {
            "mode": mode, "threads": int(threads), "examples_per_second": done / elapsed,
            "examples_per_cpu_second": done / cpu * int(threads)}
        print(json.dumps(answer), flush=True)


if __name__ == "__main__":
    main()
