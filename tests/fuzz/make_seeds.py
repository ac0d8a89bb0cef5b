#!/usr/bin/env python3
"""Writes what fuzzing begins with where the repository has no file of the kind (tests/fuzz/seeds). Needs NumPy and Pillow; the files are tracked."""

import gzip
import io
import pickle
import struct
import subprocess
import sys
import tarfile
import types
import zipfile
import zlib
from pathlib import Path

import numpy as np
from PIL import Image

SEEDS = Path(__file__).parent / "seeds"


def write(name: str, content: bytes) -> None:
    path = SEEDS / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


class Storage:
    """A storage of a tensor, which PyTorch keeps outside of the pickle."""

    def __init__(self, key: str, count: int):
        self.key, self.count = key, count


class Rebuilt:
    """A tensor as PyTorch pickles it: a call of `torch._utils._rebuild_tensor_v2`."""

    def __init__(self, storage: Storage, shape: tuple[int, ...]):
        self.storage, self.shape = storage, shape

    def __reduce__(self):
        strides = tuple(int(np.prod(self.shape[at + 1 :])) for at in range(len(self.shape)))
        return sys.modules["torch._utils"]._rebuild_tensor_v2, (self.storage, 0, self.shape, strides, False, {})


def state_dict(shapes: dict[str, tuple[int, ...]]) -> bytes:
    """A checkpoint as torch.save writes it, of tensors of ones."""
    torch, utils = types.ModuleType("torch"), types.ModuleType("torch._utils")

    def rebuild(*_): ...

    rebuild.__module__, rebuild.__qualname__, rebuild.__name__ = "torch._utils", "_rebuild_tensor_v2", "_rebuild_tensor_v2"
    utils._rebuild_tensor_v2 = rebuild
    torch.FloatStorage = type("FloatStorage", (), {"__module__": "torch"})
    sys.modules.update({"torch": torch, "torch._utils": utils})

    class Pickler(pickle.Pickler):
        def persistent_id(self, value):
            return ("storage", torch.FloatStorage, value.key, "cpu", value.count) if isinstance(value, Storage) else None

    tensors = {key: Rebuilt(Storage(str(at), int(np.prod(shape))), shape) for at, (key, shape) in enumerate(shapes.items())}
    data = io.BytesIO()
    Pickler(data, protocol=2).dump(tensors)
    output = io.BytesIO()
    with zipfile.ZipFile(output, "w", zipfile.ZIP_STORED) as archive:
        archive.writestr("a/data.pkl", data.getvalue())
        archive.writestr("a/byteorder", "little")
        for tensor in tensors.values():
            archive.writestr(f"a/data/{tensor.storage.key}", np.ones(tensor.storage.count, "<f4").tobytes())
        archive.writestr("a/version", "3\n")
    return output.getvalue()


def tar(files: dict[str, bytes]) -> bytes:
    output = io.BytesIO()
    with tarfile.open(fileobj=output, mode="w", format=tarfile.GNU_FORMAT) as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            if content.startswith(b"->"):
                info.type, info.linkname = tarfile.SYMTYPE, content[2:].decode()
                archive.addfile(info)
            else:
                info.size = len(content)
                archive.addfile(info, io.BytesIO(content))
    # Without the padding to ten kilobytes.
    return output.getvalue().rstrip(b"\0").ljust(512 * (2 + 3 * len(files)), b"\0")


def mat(little: bool) -> bytes:
    order = "<" if little else ">"

    def element(kind: int, data: bytes) -> bytes:
        return struct.pack(order + "II", kind, len(data)) + data + b"\0" * (-len(data) % 8)

    def matrix(name: str, kind: int, data: bytes, count: int) -> bytes:
        parts = element(6, struct.pack(order + "II", 6, 0)) + element(5, struct.pack(order + "II", 1, count))
        return element(14, parts + element(1, name.encode()) + element(kind, data))

    packed = zlib.compress(matrix("labels", 9, struct.pack(order + "3d", 1, 2, 3), 3))
    elements = matrix("other", 2, bytes([1, 2, 3]), 3) + struct.pack(order + "II", 15, len(packed)) + packed
    mark = b"\0\1IM" if little else b"\1\0MI"
    return b"MATLAB 5.0 MAT-file".ljust(124) + mark + elements


def main() -> None:
    gates = {"weight_ih_l0": (4, 2), "weight_hh_l0": (4, 1), "bias_ih_l0": (4,), "bias_hh_l0": (4,)}
    shapes = {"encoder.weight": (3, 2)} | {f"rnn.{name}{end}": shape for end in ("", "_reverse") for name, shape in gates.items()}
    write("pickle/text_encoder.pth", state_dict(shapes))
    write("captions_pickle/counted.pickle", pickle.dumps([[[1, 0]], [[1]], {0: "<end>", 1: "red"}, __import__("collections").defaultdict(int, red=1)], 2))

    write("mat/little.mat", mat(True))
    write("mat/big.mat", mat(False))

    plain = tar({"a.txt": b"a red bird\n", "a.json": b'{"class_id": 3}', "b.jpg": b"->c.jpg", "d/c.jpg": b"?"})
    write("shard/plain.tar", plain)
    write("shard/twice.tar", plain + tar({"x.png": b"?", "x.cls": b"3"}))
    write("shard/packed.tar.gz", gzip.compress(plain, mtime=0))
    write("shard/packed.tar.zst", subprocess.run(["zstd", "--check", "-c"], input=plain, capture_output=True, check=True).stdout)

    write("sidecar/all.json", b'{"captions": ["a red bird", null], "caption": "two", "class_id": "3.0", "score": NaN}')
    write("sidecar/windows.txt", "a red bird\r\nwith a caf\u00e9\r\n".encode("utf-16"))
    write("metadata/metadata.jsonl", b'{"file_name": "d/a.jpg", "text": "a red bird", "label": 3}\n{"file_name": "b.jpg", "captions": ["x", "y"], "class_id": -1}\n')
    write("metadata/metadata.csv", b'file_name,text,label\nd/a.jpg,"a red, ""big"" bird",3\nb.jpg,x,\n')
    write("tables/images.txt", b"1 001.Albatross/a.jpg\n2 002.Crow/b.jpg\n")
    write("tables/boxes.txt", b"1 60.0 27.0 325.0 304.0\n2 139.0 30.0 153.0 264.0\n")
    write("tables/coco.json", b'{"images": [{"id": 1, "file_name": "a.jpg"}], "annotations": [{"image_id": 1, "caption": "a red bird"}]}')
    write("words/vocabulary.txt", b"<end>\nred\nbird\n")
    write("words/scripts.txt", "Caf\u00e9 cafe\u0301 \u0932\u093e\u0932 \u82b1\u304c \ubd89\uc740 \u0e19\u0e01 it's 3.14 \U0001f426".encode())

    values = np.arange(12 * 10 * 4, dtype=np.uint8).reshape(10, 12, 4)
    for name, picture, options in [
        ("rgba.png", Image.fromarray(values, "RGBA"), {}),
        ("grey16.png", Image.fromarray(values[..., 0].astype(np.uint16) * 257), {}),
        ("palette.png", Image.fromarray(values[..., :3]).quantize(8), {}),
        ("plain.jpg", Image.fromarray(values[..., :3]), {"quality": 60}),
        ("progressive.jpg", Image.fromarray(values[..., :3]), {"quality": 60, "progressive": True}),
        ("grey.jpg", Image.fromarray(values[..., 0]), {"quality": 60}),
        ("lossy.webp", Image.fromarray(values[..., :3]), {"quality": 60}),
        ("lossless.webp", Image.fromarray(values, "RGBA"), {"lossless": True}),
    ]:
        content = io.BytesIO()
        picture.save(content, {"jpg": "jpeg"}.get(name.split(".")[1], name.split(".")[1]), **options)
        write(f"picture/{name}", content.getvalue())
    exif = Image.Exif()
    exif[0x0112] = 6
    content = io.BytesIO()
    Image.fromarray(values[..., :3]).save(content, "jpeg", quality=60, exif=exif)
    write("picture/turned.jpg", content.getvalue())


if __name__ == "__main__":
    main()
