"""Runs an ONNX model by onnxruntime on pictures [batch, height, width, 3]: asked and told in JSON."""

import json
import sys

import numpy
import onnxruntime

session = onnxruntime.InferenceSession(sys.argv[1], providers=["CPUExecutionProvider"])
[entry], [exit] = session.get_inputs(), session.get_outputs()
outputs = []
for asked in json.load(sys.stdin):
    pictures = numpy.array(asked["values"], numpy.float32).reshape(asked["shape"]).transpose(0, 3, 1, 2)
    [made] = session.run([exit.name], {entry.name: pictures})
    made = made.transpose(0, 2, 3, 1)
    outputs.append({"shape": made.shape, "values": made.flatten().tolist()})
json.dump({"input": [entry.name, entry.shape], "output": [exit.name, exit.shape], "outputs": outputs}, sys.stdout)
