"""Opens a file of weights as spandrel does, and enlarges a picture with it: asked and told in JSON."""

import json
import sys

import spandrel
import torch

asked = json.load(sys.stdin)
model = spandrel.ModelLoader(device="cpu").load_from_file(sys.argv[1]).eval()
# [1, height, width, 3] there, [1, 3, height, width] here.
picture = torch.tensor(asked["input"]).reshape(asked["inputShape"]).permute(0, 3, 1, 2)
with torch.no_grad():
    # Not spandrel's own call, which clips values to [0, 1].
    output = model.model(picture).permute(0, 2, 3, 1).contiguous()
json.dump(
    {
        "architecture": model.architecture.name,
        "scale": model.scale,
        "tags": model.tags,
        "output": [float(f"{value:.9g}") for value in output.flatten().tolist()],
    },
    sys.stdout,
)
