#!/usr/bin/env python3
"""One training step and generation, ours and PyTorch's, in turn on one machine.

    run.py --ours BINARY --device cpu|torch|cuda|vulkan|torch-cuda [--batches 2,4] [--rounds 5] [--threads 1,2] [--json FILE]

The other side runs in this Python, which needs torch. Both have the same layers (the parameter counts are compared) and do the same work:
three discriminators, then the generator, then its average; or the last stage's pictures.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


class Side:
    def __init__(self, command, threads):
        # Both take their number of threads from here: rayon and OpenMP.
        environment = os.environ | {"RAYON_NUM_THREADS": str(threads), "OMP_NUM_THREADS": str(threads)}
        self.process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment)
        self.parameters = self.read().split()[1:]

    def read(self):
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"error: {self.process.args[0]} ended with {self.process.wait()}")
        return line

    def time(self, what):
        print(what, file=self.process.stdin, flush=True)
        return float(self.read())

    def processor_ms(self):
        """Milliseconds of processor time so far, of all threads; there on Linux alone."""
        try:
            fields = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        except OSError:
            return float("nan")
        return 1000 * (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self):
        self.process.stdin.close()
        self.process.wait()


def compare(options, batch, threads):
    torch_device = "cuda" if options.device in ("cuda", "vulkan", "torch-cuda") else "cpu"
    sizes = [str(batch), str(options.gf_dim), str(options.df_dim)]
    ours = Side([options.ours, options.device, *sizes], threads)
    theirs = Side([sys.executable, str(HERE / "pytorch.py"), torch_device, *sizes, str(threads)], threads)
    if ours.parameters != theirs.parameters:
        sys.exit(f"error: the networks differ: {ours.parameters} and {theirs.parameters} parameters")
    rows = []
    for what in options.what.split(","):
        # The first ones choose kernels and reserve memory.
        for side in (ours, theirs):
            for _ in range(options.warm_up):
                side.time(what)
        before = ours.processor_ms(), theirs.processor_ms()
        pairs = [(ours.time(what), theirs.time(what)) for _ in range(options.rounds)]
        used = [(side.processor_ms() - start) / options.rounds for side, start in zip((ours, theirs), before)]
        ratios = [theirs_ms / ours_ms for ours_ms, theirs_ms in pairs]
        rows.append({
            "what": what, "batch": batch, "threads": threads, "device": options.device, "rounds": options.rounds,
            "ours_ms": statistics.median(pair[0] for pair in pairs), "pytorch_ms": statistics.median(pair[1] for pair in pairs),
            "throughput_ratio": statistics.median(ratios), "least": min(ratios), "most": max(ratios),
            "ours_processor_ms": used[0], "pytorch_processor_ms": used[1],
        })
    ours.close()
    theirs.close()
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--ours", required=True, help="the binary of `cargo bench --bench training --no-run`")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--batches", default="2,4")
    parser.add_argument("--threads", default="1,2")
    parser.add_argument("--what", default="generate,step")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--warm-up", type=int, default=2)
    parser.add_argument("--gf-dim", type=int, default=32)
    parser.add_argument("--df-dim", type=int, default=64)
    parser.add_argument("--json")
    options = parser.parse_args()
    rows = []
    print("| what | batch | threads | ours | PyTorch | our throughput / PyTorch's (least to most) | processor time, ours and PyTorch's |")
    print("| --- | --- | --- | --- | --- | --- | --- |")
    for threads in map(int, options.threads.split(",")):
        for batch in map(int, options.batches.split(",")):
            for row in compare(options, batch, threads):
                rows.append(row)
                print(
                    f"| {row['what']} | {batch} | {threads} | {row['ours_ms']:.0f} ms | {row['pytorch_ms']:.0f} ms | "
                    f"{row['throughput_ratio']:.2f} ({row['least']:.2f} to {row['most']:.2f}) | "
                    f"{row['ours_processor_ms']:.0f} ms, {row['pytorch_processor_ms']:.0f} ms |",
                    flush=True,
                )
    if options.json:
        Path(options.json).write_text(json.dumps(rows, indent=2) + "\n")


if __name__ == "__main__":
    main()
