# Prints what TensorBoard's own readers find in a folder of event files, as JSON: see tensorboard.ts.
import base64
import json
import logging
import sys

from tensorboard.backend.event_processing import event_accumulator, plugin_event_accumulator
from tensorboard.util import tensor_util

logging.disable(logging.WARNING)
folder = sys.argv[1]
everything = {"scalars": 0, "images": 0, "histograms": 0, "tensors": 0}
text = lambda data: base64.b64encode(data).decode()


def accumulated():
    """By the reader that programs use."""
    events = event_accumulator.EventAccumulator(folder, size_guidance=everything).Reload()
    tags = events.Tags()

    def buckets(histogram):
        lefts = [histogram.min, *histogram.bucket_limit]
        return [list(bucket) for bucket in zip(lefts, histogram.bucket_limit, histogram.bucket)]

    return {
        "scalars": {tag: [[e.step, e.value] for e in events.Scalars(tag)] for tag in tags["scalars"]},
        "images": {
            tag: [[e.step, e.width, e.height, text(e.encoded_image_string)] for e in events.Images(tag)]
            for tag in tags["images"]
        },
        "histograms": {
            tag: [[e.step, buckets(e.histogram_value)] for e in events.Histograms(tag)] for tag in tags["histograms"]
        },
    }


def shown():
    """By the reader behind the page."""
    events = plugin_event_accumulator.EventAccumulator(folder, size_guidance=everything, tensor_size_guidance={
        "scalars": 0, "images": 0, "histograms": 0
    }).Reload()
    found = {"scalars": {}, "images": {}, "histograms": {}}
    for plugin, values in found.items():
        for tag in events.PluginTagToContent(plugin) if plugin in events.ActivePlugins() else []:
            for event in events.Tensors(tag):
                value = tensor_util.make_ndarray(event.tensor_proto)
                if plugin == "images":
                    row = [int(value[0]), int(value[1]), text(value[2])]
                else:
                    row = [value.tolist()]
                values.setdefault(tag, []).append([event.step, *row])
    return found


json.dump({"shown": shown(), "accumulated": accumulated()}, sys.stdout)
