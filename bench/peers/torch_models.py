"""The models of bench/workloads.py in torch, and their training step."""

import torch
from torch import nn

from bench.workloads import HEADS, LAYERS, RATE, VOCABULARY, WIDTH, WORKLOADS


class Block(nn.Module):
    def __init__(self):
        super().__init__()
        self.before, self.between = nn.LayerNorm(WIDTH, 1e-3), nn.LayerNorm(WIDTH, 1e-3)
        self.project, self.out = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
        self.widen, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

    def forward(self, x):
        heads = [part.unflatten(-1, (HEADS, -1)).transpose(1, 2) for part in self.project(self.before(x)).chunk(3, -1)]
        attended = nn.functional.scaled_dot_product_attention(*heads, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).flatten(2))
        return x + self.narrow(nn.functional.gelu(self.widen(self.between(x))))


class Lstm(nn.Module):
    def __init__(self):
        super().__init__()
        self.cells, self.dense = nn.LSTM(64, 128, batch_first=True), nn.Linear(128, 10)

    def forward(self, x):
        return self.dense(self.cells(x)[0][:, -1])


def _conv(a, b):
    return [nn.Conv2d(a, b, 3, padding=1), nn.ReLU()]


MODELS = {
    "mlp": lambda: nn.Sequential(nn.Linear(784, 256), nn.ReLU(), nn.Linear(256, 256), nn.ReLU(), nn.Linear(256, 10)),
    "conv_net": lambda: nn.Sequential(*_conv(3, 32), *_conv(32, 32), nn.MaxPool2d(2), *_conv(32, 64), *_conv(64, 64),
                                      nn.MaxPool2d(2), nn.Flatten(), nn.Linear(4096, 10)),
    "lstm": Lstm,
    "transformer": lambda: nn.Sequential(nn.Embedding(VOCABULARY, WIDTH), *[Block() for _ in range(LAYERS)],
                                         nn.LayerNorm(WIDTH, 1e-3), nn.Linear(WIDTH, VOCABULARY))}


def batches(name, count=1):
    """Inputs as torch takes them (images with their channels first), and classes."""
    x, y = map(torch.from_numpy, WORKLOADS[name].batches(count))
    return x.permute(0, 3, 1, 2).contiguous() if name == "conv_net" else x, y.long()


def training_step(name, compiled=False):
    """step(x, y) -> loss, logits: cross-entropy and Adam; with torch.compile of the model and of the update."""
    model = MODELS[name]()
    optimizer = torch.optim.Adam(model.parameters(), RATE)
    forward, update = (torch.compile(model), torch.compile(optimizer.step)) if compiled else (model, optimizer.step)

    def step(x, y):
        optimizer.zero_grad()
        logits = forward(x)
        loss = nn.functional.cross_entropy(logits.flatten(0, -2), y.flatten())
        loss.backward()
        update()
        return loss.detach(), logits.detach()
    return step
