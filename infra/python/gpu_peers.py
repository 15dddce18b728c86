"""What benchlake measured on devices, beside PyTorch on the same device: a Markdown table.

    gpu_peers.py MEASURED.csv NOT-MEASURED.csv

MEASURED.csv has a row a benchmark (see `infra/xtask/src/gpu.rs`). Each that PyTorch can do too is done by it
with the same sizes and types: batches between two events, at least 30 of them, as long as 100 ms in all; the
median counts. Only the standard library is needed where there is no PyTorch: then the peers are skipped, aloud.
"""

import csv
import datetime
import platform
import re
import statistics
import sys

try:
    import torch
except ImportError:
    torch = None

TYPES = {"f64": "float64", "f32": "float32", "tf32": "float32", "f16": "float16", "bf16": "bfloat16"}


def parameters(label):
    """`name{a=1,b=x}` as a dictionary."""
    found = re.search(r"\{(.*)\}", label)
    return dict(pair.split("=", 1) for pair in found.group(1).split(",")) if found else {}


def timed(body):
    """The median seconds of one call of `body`, by events around batches of at least 1 ms."""
    for _ in range(3):
        body()
    torch.cuda.synchronize()
    start, end = (torch.cuda.Event(enable_timing=True) for _ in range(2))

    def batch(count):
        start.record()
        for _ in range(count):
            body()
        end.record()
        end.synchronize()
        return start.elapsed_time(end) / 1e3

    count = 1
    while batch(count) < 1e-3 and count < 1 << 16:
        count *= 2
    times = []
    while len(times) < 30 or sum(times) < 0.1:
        times.append(batch(count))
    return statistics.median(times) / count


def random(dtype, *shape):
    return torch.rand(*shape, device="cuda", dtype=torch.float32).mul_(2).sub_(1).to(getattr(torch, TYPES[dtype]))


def peer(name, given):
    """The body that does the same in PyTorch; `None` where there is none."""
    dtype, size = given.get("dtype", "f32"), lambda key: int(given[key])
    if given.get("mode", "batch") != "batch" or dtype not in TYPES:
        return None
    if name == "gpu.gemm":
        torch.backends.cuda.matmul.allow_tf32 = dtype == "tf32"
        n = size("n")
        a, b = random(dtype, int(given.get("m", n)), int(given.get("k", n))), random(dtype, int(given.get("k", n)), n)
        return lambda: torch.matmul(a, b)
    if name in ("gpu.copy", "gpu.add", "gpu.scale", "gpu.triad", "gpu.reduce"):
        b, c, a = random(dtype, size("n")), random(dtype, size("n")), random(dtype, size("n"))
        return {
            "gpu.copy": lambda: a.copy_(b),
            "gpu.add": lambda: torch.add(b, c, out=a),
            "gpu.scale": lambda: torch.mul(b, 0.75, out=a),
            "gpu.triad": lambda: torch.add(b, c, alpha=0.75, out=a),
            "gpu.reduce": lambda: torch.sum(b),
        }[name]
    if name in ("gpu.softmax", "gpu.layer_norm", "gpu.transpose"):
        rows, columns = size("rows"), size("columns")
        x = random(dtype, rows, columns)
        if name == "gpu.transpose":
            return lambda: x.t().contiguous()
        if name == "gpu.softmax":
            return lambda: torch.softmax(x, dim=-1)
        weight, bias = random(dtype, columns), random(dtype, columns)
        return lambda: torch.nn.functional.layer_norm(x, (columns,), weight, bias)
    if name == "gpu.attention":
        q, k, v = (random(dtype, size("b"), size("h"), size("s"), size("d")) for _ in range(3))
        return lambda: torch.nn.functional.scaled_dot_product_attention(q, k, v)
    if name == "gpu.memcpy":
        length = size("bytes")
        on_device = lambda: torch.randint(0, 255, (length,), dtype=torch.uint8, device="cuda")
        on_host = lambda: torch.randint(0, 255, (length,), dtype=torch.uint8, pin_memory=given.get("memory", "pinned") == "pinned")
        kind = given.get("kind")
        if kind == "d2d":
            a, b = on_device(), on_device()
        elif kind == "h2d":
            a, b = on_device(), on_host()
        elif kind == "d2h":
            a, b = on_host(), on_device()
        else:
            return None
        return lambda: a.copy_(b, non_blocking=True)
    return None


def scaled(value, unit):
    for factor, prefix in ((1e12, "T"), (1e9, "G"), (1e6, "M")):
        if value >= factor:
            return f"{value / factor:.2f} {prefix}{unit}"
    return f"{value:.0f} {unit}"


def seconds(value):
    for factor, unit in ((1.0, "s"), (1e-3, "ms"), (1e-6, "µs")):
        if value >= factor:
            return f"{value / factor:.4g} {unit}"
    return f"{value * 1e9:.4g} ns"


def rate(row):
    median = float(row["median"])
    flops, moved = float(row["flops"] or 0), float(row["bytes"] or 0)
    if flops >= moved and flops > 0:
        return scaled(flops / median, "FLOP/s")
    return scaled(moved / median, "B/s") if moved > 0 else ""


def of_peer(row):
    """The peer's seconds, or why there are none."""
    body = None
    try:
        body = peer(row["benchmark"], parameters(row["label"]))
        return timed(body) if body else None
    except Exception as error:  # a type or size that PyTorch refuses must not lose the table
        return f"failed: {type(error).__name__}"
    finally:
        del body
        torch.cuda.empty_cache()


def main():
    with open(sys.argv[1], newline="") as file:
        measured = list(csv.DictReader(file))
    with open(sys.argv[2], newline="") as file:
        missing = list(csv.DictReader(file))
    usable = torch is not None and torch.cuda.is_available()
    today = datetime.date.today().isoformat()
    if usable:
        name = torch.cuda.get_device_name(0)
        print("A peer's time below about 20 µs is the rate at which PyTorch launches, not the device's.\n")
        print(f"{today}, {name}, {platform.platform()}, PyTorch {torch.__version__}, CUDA {torch.version.cuda}:\n")
    else:
        why = "this Python has no PyTorch" if torch is None else "PyTorch sees no device"
        print(f"{today}, {platform.platform()}. Peers skipped: {why}.\n")
    print("| benchmark | median | rate | CV of sessions | error / allowed | flags | PyTorch | its time over ours |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for row in measured:
        median = float(row["median"])
        theirs = of_peer(row) if usable else None
        shown = seconds(theirs) if isinstance(theirs, float) else theirs or ""
        ratio = f"{theirs / median:.3f}" if isinstance(theirs, float) else ""
        check = f"{float(row['check_error'] or 0):.1e} / {float(row['check_tolerance'] or 0):.1e}"
        cv = f"{float(row['cv']):.2%}" if row["cv"] else ""
        cells = (row["label"], seconds(median), rate(row), cv, check, row["flags"], shown, ratio)
        print("| " + " | ".join(cells) + " |")
    if missing:
        print("\nNot measured:\n")
        for row in missing:
            print(f"- {row['label']}: {row['reason']}: {row['error']}")


main()
