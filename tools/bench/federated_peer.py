"""DP-FedAvg as one would write it with PyTorch and Opacus: a loop over clients, each with a private optimiser.

usage: federated_peer.py DATA ROUNDS CLIENTS EXAMPLES NOISE_MULTIPLIER THREADS

Prints a JSON line with the mean accuracy of the clients.
"""

import copy
import json
import sys
import warnings

import torch
from opacus import PrivacyEngine
from torch import nn
from torch.nn import functional as F

import peers

warnings.filterwarnings("ignore")

BATCH, LEARNING_RATE, MAX_GRAD_NORM = 32, 0.1, 1.0


def train(model, images, labels, noise_multiplier):
    """An epoch of DP-SGD; the trained parameters in the model's order."""
    model = copy.deepcopy(model)
    optimizer = torch.optim.SGD(model.parameters(), lr=LEARNING_RATE)
    loader = torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images, labels), batch_size=BATCH)
    private, optimizer, loader = PrivacyEngine().make_private(
        module=model, optimizer=optimizer, data_loader=loader, noise_multiplier=noise_multiplier,
        max_grad_norm=MAX_GRAD_NORM, poisson_sampling=True)
    criterion = nn.CrossEntropyLoss()
    for batch, target in loader:
        optimizer.zero_grad()
        criterion(private(batch), target).backward()
        optimizer.step()
    return [p.detach() for p in private.parameters()]


def main():
    data, rounds, clients, examples, noise, threads = sys.argv[1:]
    rounds, clients, examples = int(rounds), int(clients), int(examples)
    torch.manual_seed(0)
    torch.set_num_threads(int(threads))
    parts, tests = peers.dealt(data, clients, examples)
    model = peers.CNN()
    for _ in range(rounds):
        trained = [train(model, *part, float(noise)) for part in parts]
        with torch.no_grad():
            for parameter, *own in zip(model.parameters(), *trained):
                parameter.copy_(torch.stack(own).mean(0))
    print(json.dumps({"accuracy": peers.mean_accuracy(model, tests)}))


main()
