#!/usr/bin/env python3
"""STREAM of a model folder as ONNX, so that onnxruntime-web can describe pictures with the same network.

    export_stream.py MODEL_FOLDER OUT_FOLDER

Needs torch, onnx and safetensors. Writes encoder.onnx, from a picture (1, 3, 256, 256) in [-1, 1] to the decoder's first input, and
decoder.onnx, one step: from input (1, E), hidden and cell (1, H) to the likeliest word, its log p, the next input, hidden and cell.
"""

import json
import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file

# Strides of EfficientNet-Lite0's groups, and blocks in a row; Lite1 and Lite2 have more of them.
STRIDES = [1, 2, 2, 2, 1, 2, 1]
BLOCKS = {
    "efficientnet-lite0": [1, 2, 2, 3, 3, 4, 1],
    "efficientnet-lite1": [1, 3, 3, 4, 4, 5, 1],
    "efficientnet-lite2": [1, 3, 3, 4, 4, 5, 1],
}


class Encoder(torch.nn.Module):
    """src/encoder/efficientnet_lite.rs in PyTorch, with resizing before it and the decoder's first layer behind it."""

    def __init__(self, config, tensors):
        super().__init__()
        self.size = config["image_size"]
        self.blocks = [
            (stride if block == 0 else 1, block > 0)
            for stride, count in zip(STRIDES, BLOCKS[config.get("encoder", "efficientnet-lite0")])
            for block in range(count)
        ]
        for key, value in tensors.items():
            self.register_buffer(key.replace(".", "_"), value.float())

    def t(self, key):
        return getattr(self, key.replace(".", "_"))

    def conv(self, x, key, stride=1, groups=1):
        weight = self.t(f"{key}.weight")
        kernel, size = weight.shape[2], x.shape[2]
        padding = max((-(-size // stride) - 1) * stride + kernel - size, 0)
        if padding % 2:
            x = F.pad(x, [padding // 2, padding - padding // 2] * 2)
            padding = 0
        return F.conv2d(x, weight, self.t(f"{key}.bias"), stride, padding // 2, groups=groups)

    def forward(self, image):
        x = F.interpolate(image, (self.size, self.size), mode="bilinear", align_corners=False) * (127.5 / 128) + 0.5 / 128
        x = F.relu6(self.conv(x, "encoder.stem", 2))
        for index, (stride, residual) in enumerate(self.blocks):
            key = f"encoder.blocks.{index}"
            y = F.relu6(self.conv(x, f"{key}.expand")) if hasattr(self, f"{key}.expand.weight".replace(".", "_")) else x
            y = F.relu6(self.conv(y, f"{key}.depthwise", stride, y.shape[1]))
            y = self.conv(y, f"{key}.project")
            x = y + x if residual else y
        pooled = F.relu6(self.conv(x, "encoder.head")).mean((2, 3))
        x = pooled @ self.t("decoder.image.weight") + self.t("decoder.image.bias")
        return F.batch_norm(x, *(self.t(f"decoder.norm.{name}") for name in ("running_mean", "running_var", "weight", "bias")), eps=1e-5)


class Decoder(torch.nn.Module):
    """A step of src/stream/decoder.rs; the LSTM's two matrices are one."""

    def __init__(self, tensors):
        super().__init__()
        t = {key.removeprefix("decoder."): value.float() for key, value in tensors.items()}
        self.register_buffer("gates", torch.cat([t["lstm.weight_ih"], t["lstm.weight_hh"]], 1).T.contiguous())
        self.register_buffer("bias", t["lstm.bias_ih"] + t["lstm.bias_hh"])
        self.register_buffer("embedding", t["embedding.weight"])
        self.register_buffer("words", t["words.weight"])
        self.register_buffer("words_bias", t["words.bias"])

    def forward(self, input, hidden, cell):
        i, f, g, o = (torch.cat([input, hidden], 1) @ self.gates + self.bias).chunk(4, 1)
        cell = torch.sigmoid(f) * cell + torch.sigmoid(i) * torch.tanh(g)
        hidden = torch.sigmoid(o) * torch.tanh(cell)
        score, word = torch.log_softmax(hidden @ self.words + self.words_bias, 1).max(1)
        return word, score, self.embedding[word], hidden, cell


def main():
    folder, out = Path(sys.argv[1]), Path(sys.argv[2])
    config = json.loads((folder / "config.json").read_text())["stream"]
    tensors = load_file(folder / "stream.safetensors")
    size = {"opset_version": 17, "dynamo": False}
    torch.onnx.export(
        Encoder(config, tensors).eval(),
        (torch.zeros(1, 3, 256, 256),),
        out / "encoder.onnx",
        input_names=["image"],
        output_names=["input"],
        **size,
    )
    torch.onnx.export(
        Decoder(tensors).eval(),
        (torch.zeros(1, config["embedding"]), torch.zeros(1, config["hidden"]), torch.zeros(1, config["hidden"])),
        out / "decoder.onnx",
        input_names=["input", "hidden", "cell"],
        output_names=["word", "score", "next_input", "next_hidden", "next_cell"],
        **size,
    )


if __name__ == "__main__":
    main()
