"""MirrorGAN's generator and discriminators in PyTorch, layer for layer those of src/glam and src/discriminator."""

import torch
import torch.nn.functional as F
from torch import nn


def glu(x):
    half = x.shape[1] // 2
    return x[:, :half] * torch.sigmoid(x[:, half:])


def conv3x3(inputs, outputs):
    return nn.Conv2d(inputs, outputs, 3, padding=1, bias=False)


class UpBlock(nn.Module):
    def __init__(self, inputs, outputs):
        super().__init__()
        self.conv, self.norm = conv3x3(inputs, 2 * outputs), nn.BatchNorm2d(2 * outputs)

    def forward(self, x):
        return glu(self.norm(self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))))


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.norm1 = conv3x3(channels, 2 * channels), nn.BatchNorm2d(2 * channels)
        self.conv2, self.norm2 = conv3x3(channels, channels), nn.BatchNorm2d(channels)

    def forward(self, x):
        return self.norm2(self.conv2(glu(self.norm1(self.conv1(x))))) + x


class Refine(nn.Module):
    def __init__(self, gf, features, condition):
        super().__init__()
        self.conv_context = nn.Conv2d(features, gf, 1, bias=False)
        self.linear = nn.Linear(condition, gf)
        self.conv_sentence_vis = nn.Conv2d(gf, gf, 1, bias=False)
        self.merge = nn.Conv2d(3 * gf, 2 * gf, 1, bias=False)
        self.residual = nn.Sequential(Residual(2 * gf), Residual(2 * gf))
        self.upsample = UpBlock(2 * gf, gf)

    def forward(self, h, words, condition):
        batch, channels, height, width = h.shape
        context = self.conv_context(words.unsqueeze(3)).squeeze(3)
        weights = torch.softmax(context.transpose(1, 2) @ h.reshape(batch, channels, height * width), 1)
        attended = (context @ weights).reshape(batch, channels, height, width)
        sentence = self.linear(condition).reshape(batch, channels, 1, 1)
        scores = self.conv_sentence_vis(h * sentence)
        both = torch.cat([h, attended, torch.softmax(scores, 1) * sentence], 1)
        return self.upsample(self.residual(self.merge(both)))


class Generator(nn.Module):
    def __init__(self, gf=32, features=256, z=100, condition=100, stages=3):
        super().__init__()
        self.ca = nn.Linear(features, 4 * condition)
        self.start = 16 * gf
        self.fc = nn.Linear(z + condition, 2 * self.start * 16, bias=False)
        self.norm = nn.BatchNorm1d(2 * self.start * 16)
        self.initial = nn.Sequential(*[UpBlock(16 * gf >> i, 8 * gf >> i) for i in range(4)])
        self.refine = nn.ModuleList([Refine(gf, features, condition) for _ in range(stages - 1)])
        self.heads = nn.ModuleList([conv3x3(gf, 3) for _ in range(stages)])

    def forward(self, words, sentence, z, epsilon, last_only=False):
        mu, logvar = glu(self.ca(sentence)).chunk(2, 1)
        condition = mu + epsilon * torch.exp(0.5 * logvar)
        h = glu(self.norm(self.fc(torch.cat([condition, z], 1)))).reshape(-1, self.start, 4, 4)
        h = self.initial(h)
        images = [] if last_only else [torch.tanh(self.heads[0](h))]
        for refine, head in zip(self.refine, self.heads[1:]):
            h = refine(h, words, condition)
            if not last_only or head is self.heads[-1]:
                images.append(torch.tanh(head(h)))
        return images, mu, logvar


def down(inputs, outputs):
    return [nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]


def same(inputs, outputs):
    return [conv3x3(inputs, outputs), nn.BatchNorm2d(outputs), nn.LeakyReLU(0.2)]


class Discriminator(nn.Module):
    def __init__(self, size, df=64, features=256):
        super().__init__()
        layers = [nn.Conv2d(3, df, 4, 2, 1, bias=False), nn.LeakyReLU(0.2)]
        layers += down(df, 2 * df) + down(2 * df, 4 * df) + down(4 * df, 8 * df)
        extra = {64: 0, 128: 1, 256: 2}[size]
        for i in range(extra):
            layers += down(8 * df << i, 16 * df << i)
        for i in reversed(range(extra)):
            layers += same(16 * df << i, 8 * df << i)
        self.encode = nn.Sequential(*layers)
        self.joint = nn.Sequential(*same(8 * df + features, 8 * df))
        self.conditional_head = nn.Conv2d(8 * df, 1, 4, 4)
        self.unconditional_head = nn.Conv2d(8 * df, 1, 4, 4)

    def conditional(self, code, sentence):
        tiled = sentence[:, :, None, None].expand(-1, -1, 4, 4)
        return self.conditional_head(self.joint(torch.cat([code, tiled], 1))).flatten()

    def unconditional(self, code):
        return self.unconditional_head(code).flatten()
