"""LoRA steps of PyTorch, PEFT and Opacus on the model and batch of Benchmarks/Sources/TextThroughput.

Reads lines "MODE TOKENS SECONDS" from standard input and answers each with one JSON line. One thread.
"""

import json
import sys
import time
import warnings

import torch
from torch import nn

warnings.filterwarnings("ignore")

BATCH = 32


class Classifier(nn.Module):
    """A BERT encoder of MiniLM's sizes with LoRA r 8 on query and value, the mean over tokens, and a head."""

    def __init__(self, kind):
        super().__init__()
        from peft import LoraConfig, get_peft_model
        from transformers import BertConfig, BertModel
        config = BertConfig(
            vocab_size=30522, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536,
            max_position_embeddings=512, hidden_dropout_prob=0.0, attention_probs_dropout_prob=0.0)
        config._attn_implementation = "eager"
        last = dict(layers_to_transform=[5], layers_pattern="layer") if kind == "last" else {}
        encoder = BertModel(config, add_pooling_layer=False)
        if kind == "head":
            self.encoder = encoder.requires_grad_(False)
        else:
            self.encoder = get_peft_model(encoder, LoraConfig(
                r=8, lora_alpha=16, target_modules=["query", "value"], lora_dropout=0.0, **last))
        self.head = nn.Linear(384, 2)

    def forward(self, ids, mask):
        return self.head(self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state.mean(1))


def make_step(mode, tokens):
    ids = torch.randint(0, 30522, (BATCH, tokens))
    mask = torch.ones_like(ids)
    labels = torch.arange(BATCH) % 2
    kind, _, way = mode.partition("-")
    model = Classifier(kind)
    if way == "forward":
        def forward():
            with torch.no_grad():
                model.encoder(input_ids=ids, attention_mask=mask)
        return forward
    criterion = nn.CrossEntropyLoss()
    if way == "hooks":
        from opacus.grad_sample import GradSampleModule
        from opacus.optimizers import DPOptimizer
        model = GradSampleModule(model.train())
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=0.01)
    if way == "hooks":
        optimizer = DPOptimizer(optimizer, noise_multiplier=1.0, max_grad_norm=1.0, expected_batch_size=BATCH)

    def step():
        optimizer.zero_grad()
        criterion(model(ids, mask), labels).backward()
        optimizer.step()
    return step


def main():
    torch.manual_seed(1)
    torch.set_num_threads(1)
    steps = {}
    for line in sys.stdin:
        mode, tokens, seconds = line.split()
        key = (mode, int(tokens))
        if key not in steps:
            steps[key] = make_step(*key)
        step = steps[key]
        step()
        done, begin, cpu = 0, time.perf_counter(), time.process_time()
        while time.perf_counter() - begin < float(seconds):
            step()
            done += BATCH
        print(json.dumps({
            "mode": mode, "examples_per_second": done / (time.perf_counter() - begin),
            "examples_per_cpu_second": done / (time.process_time() - cpu)}), flush=True)


if __name__ == "__main__":
    main()
