"""Runs the two lines of the documentation, given on stdin, on weights at random; tells what VGG19 then makes of a picture."""

import json
import sys

import torch
import torchvision

torch.manual_seed(1)
exec(sys.stdin.read().replace("'IMAGENET1K_V1'", "None"))
torch.manual_seed(1)
features = torchvision.models.vgg19(weights=None).features.eval()
# [1, 3, height, width] here, [1, height, width, 3] there.
picture = torch.rand(1, 3, 32, 48, requires_grad=True)
mean = torch.tensor([0.485, 0.456, 0.406]).view(1, 3, 1, 1)
deviation = torch.tensor([0.229, 0.224, 0.225]).view(1, 3, 1, 1)
# Not in place: the output of a convolution is looked at before its activation.
layers = [torch.nn.ReLU() if isinstance(layer, torch.nn.ReLU) else layer for layer in features]
conv5_4 = torch.nn.Sequential(*layers[:35])((picture - mean) / deviation)
conv5_4.abs().mean().backward()
told = {"picture": picture, "conv5_4": conv5_4, "gradient": picture.grad}
json.dump({name: value.detach().permute(0, 2, 3, 1).flatten().tolist() for name, value in told.items()}, sys.stdout)
