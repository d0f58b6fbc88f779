"""The step of step.js in PyTorch, in the order of BasicSR's ESRGANModel.optimize_parameters.

A process of its own, for engine.js.
Usage: pytorch_step.py '{"layout": "plain" or "channels_last", "threads": 2, "batch": 4, "filters": 32, ...}'
With "device": "cuda" on the GPU; with "size" and "critic" for larger images, and the critic's feature maps by stage.
"""

import json
import sys

import torch
from torch import nn
from torch.nn import functional as F

from engine import answer

SCALE = 4
ADVERSARIAL_WEIGHT = 5e-3
WARM_UP = 3


def leaky_relu(x):
    return F.leaky_relu(x, 0.2, inplace=True)


class DenseBlock(nn.Module):
    def __init__(self, filters, growth):
        super().__init__()
        channels = [(filters + i * growth, growth) for i in range(4)] + [(filters + 4 * growth, filters)]
        self.convolutions = nn.ModuleList(nn.Conv2d(i, o, 3, 1, 1) for i, o in channels)

    def forward(self, x):
        features = [x]
        for convolution in self.convolutions[:-1]:
            features.append(leaky_relu(convolution(torch.cat(features, 1))))
        return self.convolutions[-1](torch.cat(features, 1)) * 0.2 + x


class Block(nn.Module):
    def __init__(self, filters, growth):
        super().__init__()
        self.blocks = nn.Sequential(*(DenseBlock(filters, growth) for _ in range(3)))

    def forward(self, x):
        return self.blocks(x) * 0.2 + x


class Generator(nn.Module):
    def __init__(self, filters, growth, blocks):
        super().__init__()
        self.first = nn.Conv2d(3, filters, 3, 1, 1)
        self.trunk = nn.Sequential(
            *(Block(filters, growth) for _ in range(blocks)), nn.Conv2d(filters, filters, 3, 1, 1)
        )
        self.upsampled = nn.ModuleList(nn.Conv2d(filters, filters, 3, 1, 1) for _ in range(2))
        self.high_resolution = nn.Conv2d(filters, filters, 3, 1, 1)
        self.last = nn.Conv2d(filters, 3, 3, 1, 1)

    def forward(self, x):
        features = self.first(x)
        features = features + self.trunk(features)
        for convolution in self.upsampled:
            features = leaky_relu(convolution(F.interpolate(features, scale_factor=2, mode="nearest")))
        return self.last(leaky_relu(self.high_resolution(features)))


class Critic(nn.Module):
    """Halves the image at each stage, down to 4 x 4."""

    def __init__(self, stages):
        super().__init__()
        layers, channels = [], 3
        for maps in stages:
            layers += [nn.Conv2d(channels, maps, 3, 1, 1), nn.LeakyReLU(0.2, True)]
            layers += [nn.Conv2d(maps, maps, 4, 2, 1), nn.LeakyReLU(0.2, True)]
            channels = maps
        layers += [nn.Flatten(), nn.Linear(channels * 4 * 4, 100), nn.LeakyReLU(0.2, True), nn.Linear(100, 1)]
        self.layers = nn.Sequential(*layers)

    def forward(self, x):
        return self.layers(x)


def cross_entropy(logits, is_real):
    return F.binary_cross_entropy_with_logits(logits, torch.full_like(logits, float(is_real)))


class Step:
    def __init__(self, layout, batch, filters, growth, blocks, size=64, critic=(32, 64, 128, 128), device="cpu", **_):
        formats = {"plain": torch.contiguous_format, "channels_last": torch.channels_last}
        place = {"device": device, "memory_format": formats[layout]}
        self.generator, self.critic = Generator(filters, growth, blocks).to(**place), Critic(critic).to(**place)
        self.generator_optimizer = torch.optim.Adam(self.generator.parameters(), 1e-4)
        self.critic_optimizer = torch.optim.Adam(self.critic.parameters(), 1e-4)
        self.low = torch.rand(batch, 3, size // SCALE, size // SCALE).to(**place)
        self.high = torch.rand(batch, 3, size, size).to(**place)

    def __call__(self):
        critic, high = self.critic, self.high
        for parameter in critic.parameters():
            parameter.requires_grad_(False)
        self.generator_optimizer.zero_grad()
        fake = self.generator(self.low)
        real_logits = critic(high).detach()
        fake_logits = critic(fake)
        adversarial = cross_entropy(real_logits - fake_logits.mean(), False)
        adversarial = adversarial + cross_entropy(fake_logits - real_logits.mean(), True)
        generator_loss = F.l1_loss(fake, high) + ADVERSARIAL_WEIGHT * adversarial / 2
        generator_loss.backward()
        self.generator_optimizer.step()

        for parameter in critic.parameters():
            parameter.requires_grad_(True)
        self.critic_optimizer.zero_grad()
        fake_logits = critic(fake).detach()
        real_logits = critic(high)
        real_loss = cross_entropy(real_logits - fake_logits.mean(), True) / 2
        real_loss.backward()
        fake_logits = critic(fake.detach())
        fake_loss = cross_entropy(fake_logits - real_logits.mean().detach(), False) / 2
        fake_loss.backward()
        self.critic_optimizer.step()
        return generator_loss.item(), (real_loss + fake_loss).item()


def main():
    settings = json.loads(sys.argv[1])
    torch.set_num_threads(settings["threads"])
    torch.manual_seed(0)
    step = Step(**settings)
    for _ in range(WARM_UP):
        step()
    answer({"version": torch.__version__}, step)


if __name__ == "__main__":
    main()
