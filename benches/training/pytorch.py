#!/usr/bin/env python3
"""The PyTorch side of the comparison: answers each line `step` or `generate` with the milliseconds that it took.

    pytorch.py DEVICE BATCH GF_DIM DF_DIM THREADS
"""

import sys
import time

import torch
import torch.nn.functional as F

from networks import Discriminator, Generator

DEVICE, BATCH, GF, DF, THREADS = sys.argv[1], *map(int, sys.argv[2:6])
WORDS, FEATURES, NOISE = 12, 256, 100


class Training:
    """Joint training of all stages as published: three discriminators, then the generator, then its average."""

    def __init__(self):
        self.device = torch.device(DEVICE)
        self.generator = Generator(GF).to(self.device).train()
        self.average = Generator(GF).to(self.device).eval()
        self.judges = [Discriminator(64 << stage, DF).to(self.device).train() for stage in range(3)]
        adam = lambda network: torch.optim.Adam(network.parameters(), 2e-4, (0.5, 0.999))
        self.generator_adam, self.judge_adams = adam(self.generator), [adam(judge) for judge in self.judges]
        self.words = torch.randn(BATCH, FEATURES, WORDS, device=self.device)
        self.sentence = torch.randn(BATCH, FEATURES, device=self.device)
        self.real = [torch.rand(BATCH, 3, 64 << stage, 64 << stage, device=self.device) * 2 - 1 for stage in range(3)]

    def noise(self):
        return [torch.randn(BATCH, NOISE, device=self.device) for _ in range(2)]

    def step(self):
        images, mu, logvar = self.generator(self.words, self.sentence, *self.noise())
        losses = []
        for judge, adam, real, fake in zip(self.judges, self.judge_adams, self.real, images):
            losses.append(self.judge_loss(judge, real, fake.detach()))
            adam.zero_grad(set_to_none=True)
            losses[-1].backward()
            adam.step()
        total = -0.5 * (1 + logvar - mu.pow(2) - logvar.exp()).mean()
        for judge, fake in zip(self.judges, images):
            # The generator's step has no use for the discriminators' weight gradients.
            judge.requires_grad_(False)
            code = judge.encode(fake)
            total = total - F.logsigmoid(judge.unconditional(code)).mean() - F.logsigmoid(judge.conditional(code, self.sentence)).mean()
        self.generator_adam.zero_grad(set_to_none=True)
        total.backward()
        self.generator_adam.step()
        for judge in self.judges:
            judge.requires_grad_(True)
        with torch.no_grad():
            torch._foreach_lerp_(list(self.average.parameters()), list(self.generator.parameters()), 0.001)
        return torch.stack([total.detach(), *[loss.detach() for loss in losses]]).cpu()

    def judge_loss(self, judge, real, fake):
        real, fake = judge.encode(real), judge.encode(fake)
        yes, no = (lambda x: -F.logsigmoid(x).mean()), (lambda x: -F.logsigmoid(-x).mean())
        wrong = judge.conditional(real[:-1], self.sentence[1:])
        pairs = judge.conditional(real, self.sentence), judge.conditional(fake, self.sentence)
        return (yes(judge.unconditional(real)) + yes(pairs[0])) / 2 + (no(judge.unconditional(fake)) + no(pairs[1]) + no(wrong)) / 3

    @torch.no_grad()
    def generate(self):
        images, _, _ = self.average(self.words, self.sentence, *self.noise(), last_only=True)
        return images[-1].cpu()


def main():
    torch.set_num_threads(THREADS)
    # What PyTorch users switch on for convolutions of constant sizes.
    torch.backends.cudnn.benchmark = True
    training = Training()
    count = lambda network: sum(p.numel() for p in network.parameters())
    print("ready", count(training.generator), *[count(judge) for judge in training.judges], flush=True)
    for line in sys.stdin:
        start = time.perf_counter()
        {"step": training.step, "generate": training.generate}[line.strip()]()
        if DEVICE != "cpu":
            torch.cuda.synchronize()
        print(1000 * (time.perf_counter() - start), flush=True)


if __name__ == "__main__":
    main()
