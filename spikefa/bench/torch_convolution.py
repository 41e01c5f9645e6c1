"""A convolution, its transpose and its update in plain PyTorch, a program of its own run by `bench.worker_process`.

It imports nothing of spikefa. It reads one line of JSON (the layer and the threads), prints one (version and threads),
and then prints the seconds a call for each line ``{"variant": ..., "steps": n}``. An empty line ends it.
"""

import json
import os
import sys
import time

import torch


def main():
    """Serve the parent process until it sends an empty line."""
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    asked = json.loads(sys.stdin.readline())
    torch.set_num_threads(asked["threads"])
    torch.set_flush_denormal(True)
    torch.manual_seed(0)
    shapes = {name: asked[name] for name in ("pre", "post", "weights")}
    x, e, W = (torch.randn(shapes[name]) for name in ("pre", "post", "weights"))
    b, along = torch.zeros(shapes["weights"][0]), {"stride": asked["stride"], "padding": asked["padding"]}
    calls = {
        "forward": lambda: torch.nn.functional.conv2d(x, W, b, **along),
        "back": lambda: torch.nn.grad.conv2d_input(shapes["pre"], W, e, **along),
        "update": lambda: torch.nn.grad.conv2d_weight(x, shapes["weights"], e, **along),
    }
    with torch.inference_mode():
        for call in calls.values():
            call()
        print(json.dumps({"torch": torch.__version__, "threads": torch.get_num_threads()}), file=out, flush=True)
        while line := sys.stdin.readline().strip():
            asked = json.loads(line)
            call = calls[asked["variant"]]
            call()
            began = time.perf_counter()
            for _ in range(asked["steps"]):
                call()
            print(json.dumps((time.perf_counter() - began) / asked["steps"]), file=out, flush=True)


if __name__ == "__main__":
    main()
