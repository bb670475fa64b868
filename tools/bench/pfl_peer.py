"""FedAvg with client-level central privacy in pfl-research: what its tutorials show, on the data of the bench.

usage: pfl_peer.py DATA ROUNDS CLIENTS EXAMPLES NOISE_MULTIPLIER THREADS

Prints a JSON line with the mean accuracy of the clients.
"""

import json
import logging
import sys
import warnings

import numpy
import torch
from pfl.aggregate.simulate import SimulatedBackend
from pfl.algorithm.base import NNAlgorithmParams
from pfl.algorithm.federated_averaging import FederatedAveraging
from pfl.data.dataset import Dataset
from pfl.data.federated_dataset import FederatedDataset
from pfl.data.sampling import get_user_sampler
from pfl.hyperparam import NNEvalHyperParams, NNTrainHyperParams
from pfl.metrics import Weighted
from pfl.model.pytorch import PyTorchModel
from pfl.privacy.gaussian_mechanism import GaussianMechanism
from pfl.privacy.privacy_mechanism import CentrallyAppliedPrivacyMechanism
from torch.nn import functional as F

import peers

warnings.filterwarnings("ignore")
logging.disable(logging.WARNING)

BATCH, LEARNING_RATE, CLIPPING_BOUND = 32, 0.1, 1.0


class Model(peers.CNN):
    def loss(self, x, y, eval=False):
        self.train(not eval)
        return F.cross_entropy(self(x), y)

    @torch.no_grad()
    def metrics(self, x, y, eval=False):
        self.eval()
        return {"loss": Weighted(F.cross_entropy(self(x), y, reduction="sum").item(), len(y))}


def main():
    data, rounds, clients, examples, noise, threads = sys.argv[1:]
    rounds, clients, examples = int(rounds), int(clients), int(examples)
    numpy.random.seed(0)
    torch.manual_seed(0)
    torch.set_num_threads(int(threads))
    parts, tests = peers.dealt(data, clients, examples)
    users = FederatedDataset(
        lambda user: Dataset(list(parts[user]), user_id=user),
        get_user_sampler("minimize_reuse", list(range(clients))))
    network = Model()
    model = PyTorchModel(
        network, local_optimizer_create=torch.optim.SGD,
        central_optimizer=torch.optim.SGD(network.parameters(), lr=1.0))
    privacy = CentrallyAppliedPrivacyMechanism(GaussianMechanism(CLIPPING_BOUND, float(noise)))
    FederatedAveraging().run(
        algorithm_params=NNAlgorithmParams(
            central_num_iterations=rounds, evaluation_frequency=rounds + 1, train_cohort_size=clients,
            val_cohort_size=0),
        backend=SimulatedBackend(training_data=users, val_data=users, postprocessors=[privacy]),
        model=model,
        model_train_params=NNTrainHyperParams(
            local_num_epochs=1, local_learning_rate=LEARNING_RATE, local_batch_size=BATCH),
        model_eval_params=NNEvalHyperParams(local_batch_size=None))
    network.eval()
    print(json.dumps({"accuracy": peers.mean_accuracy(network, tests)}))


main()
