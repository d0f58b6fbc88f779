"""Enlarges a picture at once with PyTorch or onnxruntime. A process of its own, for engine.js.

Usage: enlarge_engine.py '{"engine": "pytorch", "layout": "channels_last", "pixels": 512, "threads": 2, "filters": 32, ...}'
or '{"engine": "onnxruntime", "onnx": file, "pixels": 512, "threads": 2}'. PyTorch has weights of its own.
"""

import json
import sys

from engine import answer


def pytorch(layout, pixels, threads, filters, growth, blocks, **_):
    import torch
    from pytorch_step import Generator

    torch.set_num_threads(threads)
    torch.manual_seed(0)
    order = {"plain": torch.contiguous_format, "channels_last": torch.channels_last}[layout]
    model = Generator(filters, growth, blocks).eval().to(memory_format=order)
    picture = torch.rand(1, 3, pixels, pixels).to(memory_format=order)

    def step():
        with torch.inference_mode():
            return model(picture).shape

    return torch.__version__, step


def onnxruntime(onnx, pixels, threads, **_):
    import numpy
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(onnx, options, providers=["CPUExecutionProvider"])
    picture = numpy.random.default_rng(0).random((1, 3, pixels, pixels), numpy.float32)
    return onnxruntime.__version__, lambda: session.run(["output"], {"input": picture})


settings = json.loads(sys.argv[1])
version, step = {"pytorch": pytorch, "onnxruntime": onnxruntime}[settings.pop("engine")](**settings)
step()
answer({"version": version}, step)
