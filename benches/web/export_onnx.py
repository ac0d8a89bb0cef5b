#!/usr/bin/env python3
"""The generator of a model folder as ONNX, so that onnxruntime-web can run the same network.

    export_onnx.py MODEL_FOLDER OUT.onnx

Needs torch, onnx and safetensors. Inputs: sentence (1, D), words (1, D, L), noise (1, z), epsilon (1, c); outputs: the pictures.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file


def glu(x):
    half = x.shape[1] // 2
    return x[:, :half] * torch.sigmoid(x[:, half:])


class Generator(torch.nn.Module):
    """src/glam in PyTorch, in evaluation mode, every word known."""

    def __init__(self, config, tensors):
        super().__init__()
        self.config = config
        self.names = {key: "t_" + key.replace(".", "_") for key in tensors}
        for key, value in tensors.items():
            self.register_buffer(self.names[key], value.float())

    def t(self, key):
        return getattr(self, self.names[key])

    def linear(self, x, key):
        # burn keeps linear weights as (in, out).
        bias = self.t(f"{key}.bias") if f"{key}.bias" in self.names else None
        return F.linear(x, self.t(f"{key}.weight").T, bias)

    def norm(self, x, key):
        values = [self.t(f"{key}.{name}") for name in ("running_mean", "running_var", "weight", "bias")]
        return F.batch_norm(x, *values, training=False, eps=1e-5)

    def conv(self, x, key):
        weight = self.t(f"{key}.weight")
        return F.conv2d(x, weight, padding=weight.shape[2] // 2)

    def up(self, x, key):
        x = F.interpolate(x, scale_factor=2, mode="nearest")
        return glu(self.norm(self.conv(x, f"{key}.conv"), f"{key}.norm"))

    def residual(self, x, key):
        y = glu(self.norm(self.conv(x, f"{key}.conv1"), f"{key}.norm1"))
        return self.norm(self.conv(y, f"{key}.conv2"), f"{key}.norm2") + x

    def refine(self, h, words, condition, key):
        batch, channels, height, width = h.shape
        context = self.conv(words.unsqueeze(3), f"{key}.words.conv_context").squeeze(3)
        weights = torch.softmax(context.transpose(1, 2) @ h.reshape(batch, channels, height * width), 1)
        attended = (context @ weights).reshape(batch, channels, height, width)
        sentence = self.linear(condition, f"{key}.sentence.linear").reshape(batch, channels, 1, 1)
        scores = self.conv(h * sentence, f"{key}.sentence.conv_sentence_vis")
        x = self.conv(torch.cat([h, attended, torch.softmax(scores, 1) * sentence], 1), f"{key}.merge")
        for block in range(self.config["residual_blocks"]):
            x = self.residual(x, f"{key}.residual.{block}")
        return self.up(x, f"{key}.upsample")

    def forward(self, sentence, words, noise, epsilon):
        both = glu(self.linear(sentence, "ca.fc"))
        count = both.shape[1] // 2
        condition = both[:, :count] + epsilon * torch.exp(0.5 * both[:, count:])
        x = glu(self.norm(self.linear(torch.cat([condition, noise], 1), "initial.fc"), "initial.norm"))
        h = x.reshape(1, -1, 4, 4)
        for block in range(4):
            h = self.up(h, f"initial.upsample.{block}")
        images = [torch.tanh(self.conv(h, "heads.0.conv"))]
        for stage in range(1, self.config["stages"]):
            h = self.refine(h, words, condition, f"refine.{stage - 1}")
            images.append(torch.tanh(self.conv(h, f"heads.{stage}.conv")))
        return tuple(images)


def main():
    folder, out = Path(sys.argv[1]), sys.argv[2]
    config = json.loads((folder / "config.json").read_text())["generator"]
    if config.get("architecture", "mirrorgan") != "mirrorgan":
        sys.exit("error: only the mirrorgan architecture is exported")
    model = Generator(config, load_file(folder / "glam.safetensors")).eval()
    features = config["features"]
    example = (
        torch.randn(1, features),
        torch.randn(1, features, 9),
        torch.randn(1, config["z_dim"]),
        torch.randn(1, config["condition_dim"]),
    )
    torch.onnx.export(
        model,
        example,
        out,
        input_names=["sentence", "words", "noise", "epsilon"],
        output_names=[f"image{64 << stage}" for stage in range(config["stages"])],
        dynamic_axes={"words": {2: "count"}},
        opset_version=17,
        dynamo=False,
    )


if __name__ == "__main__":
    main()
