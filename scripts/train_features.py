#!/usr/bin/env python3
"""Trains the network whose features `gkvae features` computes, with NumPy alone.

    scripts/train_features.py TRAIN_IMAGES TRAIN_LABELS TEST_IMAGES TEST_LABELS
        --out FILE.safetensors [--name mnist] [--seed 1] [--epochs 12] [--rate 0.002] [--shift 2]

The four files are IDX files, raw or gzip: grey images of 12×12 pixels or more, and a
label from 0 to 255 for each. The network is a small LeNet:

    pixels / 255
    → convolution 16@5×5, padding 2 → ReLU → max-pooling 2×2
    → convolution 32@5×5            → ReLU → max-pooling 2×2
    → linear 128 → ReLU → linear 84 → ReLU (the features) → linear to the classes

It learns by Adam with decoupled weight decay and a cosine decay of the learning rate,
from images that are shifted by up to --shift pixels, with dropout before the linear
layers. The test images only measure the accuracy of the last epoch. The same
arguments on the same machine give the same file; BLAS should keep to one thread:

    OPENBLAS_NUM_THREADS=1 scripts/train_features.py …
"""

import argparse
import gzip
import json
import struct
import sys
import time

import numpy as np

KERNEL, PADDING, CHANNELS, LINEAR = 5, 2, (16, 32), (128, 84)
SMALLEST = 12  # of which the second pooling leaves one place
BATCH, WEIGHT_DECAY, DROPOUT = 100, 1e-2, 0.25
FORMAT = "gkvae-features-1"


def read_idx(path, rank):
    """The bytes of an IDX file, as an array of so many dimensions."""
    try:
        with open(path, "rb") as file:
            content = file.read()
        if content[:2] == b"\x1f\x8b":
            content = gzip.decompress(content)
    except (OSError, EOFError) as error:
        sys.exit(f"{path}: {error}")
    if content[:4] != bytes((0, 0, 8, rank)):
        sys.exit(f"{path}: not an IDX file of bytes in {rank} dimensions")
    shape = struct.unpack(f">{rank}I", content[4:4 + 4 * rank])
    data = np.frombuffer(content, np.uint8, offset=4 + 4 * rank)
    if data.size != np.prod(shape):
        sys.exit(f"{path}: {data.size} bytes of data; the header states {shape}")
    return data.reshape(shape)


def read_pair(images_path, labels_path):
    images, labels = read_idx(images_path, 3), read_idx(labels_path, 1)
    if len(images) != len(labels) or len(images) == 0:
        sys.exit(f"{images_path}: {len(images)} images, and {len(labels)} labels in {labels_path}")
    if min(images.shape[1:]) < SMALLEST:
        sys.exit(f"{images_path}: images of {images.shape[1]}×{images.shape[2]}; {SMALLEST}×{SMALLEST} is the least")
    return images, labels


class Convolution:
    """Convolution, max-pooling 2×2 and ReLU on [n, height, width, channels]. The outputs
    are computed as four arrays, one for each place of a pooling window, whose maximum is
    the pooled array; the weight is [kernel, kernel, in, out] as a matrix."""

    def __init__(self, random, channels_in, channels_out, padding):
        fan_in = KERNEL * KERNEL * channels_in
        self.channels_in, self.padding = channels_in, padding
        self.weight = random.normal(0, np.sqrt(2 / fan_in), (fan_in, channels_out)).astype(np.float32)
        self.bias = np.zeros(channels_out, np.float32)

    def pooled(self, size):
        return (size + 2 * self.padding - KERNEL + 1) // 2

    def forward(self, x):
        p, n = self.padding, len(x)
        x = np.pad(x, ((0, 0), (p, p), (p, p), (0, 0))) if p else x
        height, width = ((size - KERNEL + 1) // 2 for size in x.shape[1:3])
        windows = np.lib.stride_tricks.sliding_window_view(x, (KERNEL, KERNEL), (1, 2)).transpose(0, 1, 2, 4, 5, 3)
        self.columns = np.empty((4, n, height, width) + windows.shape[3:], np.float32)
        for place in range(4):
            self.columns[place] = windows[:, place // 2:2 * height:2, place % 2:2 * width:2]
        self.outputs = (self.columns.reshape(-1, len(self.weight)) @ self.weight).reshape(4, n, height, width, -1)
        self.largest = self.outputs.max(0)
        self.shape = x.shape
        return np.maximum(self.largest + self.bias, 0)

    def backward(self, y, d_y, wants_input):
        """The gradients of weight and bias, and that of the input or None."""
        d_y = d_y * (y > 0)
        d_outputs = np.empty_like(self.outputs)
        free = np.ones(d_y.shape, bool)  # the first of equal outputs gets the gradient
        for place in range(4):
            is_largest = free & (self.outputs[place] == self.largest)
            free &= ~is_largest
            np.multiply(d_y, is_largest, out=d_outputs[place])
        d_rows = d_outputs.reshape(-1, d_outputs.shape[-1])
        d_weight = self.columns.reshape(-1, len(self.weight)).T @ d_rows
        d_bias = d_y.sum((0, 1, 2))
        if not wants_input:
            return d_weight, d_bias, None
        d_columns = (d_rows @ self.weight.T).reshape(self.columns.shape)
        height, width = d_y.shape[1:3]
        d_x = np.zeros(self.shape, np.float32)
        for place in range(4):
            for i in range(KERNEL):
                for j in range(KERNEL):
                    top, left = place // 2 + i, place % 2 + j
                    d_x[:, top:top + 2 * height:2, left:left + 2 * width:2] += d_columns[place, :, :, :, i, j]
        p = self.padding
        return d_weight, d_bias, d_x[:, p:d_x.shape[1] - p, p:d_x.shape[2] - p]

    def exported(self):
        """[out, in, kernel, kernel], as PyTorch has it."""
        return self.weight.reshape(KERNEL, KERNEL, self.channels_in, -1).transpose(3, 2, 0, 1)


class Linear:
    """y = x W + b; the weight is [in, out]."""

    def __init__(self, random, size_in, size_out, gain):
        self.weight = random.normal(0, np.sqrt(gain / size_in), (size_in, size_out)).astype(np.float32)
        self.bias = np.zeros(size_out, np.float32)

    def forward(self, x):
        self.x = x
        return x @ self.weight + self.bias

    def backward(self, d_y):
        return self.x.T @ d_y, d_y.sum(0), d_y @ self.weight.T


class Network:
    def __init__(self, random, height, width, classes):
        self.convolutions = [Convolution(random, 1, CHANNELS[0], PADDING),
                             Convolution(random, CHANNELS[0], CHANNELS[1], 0)]
        for layer in self.convolutions:
            height, width = layer.pooled(height), layer.pooled(width)
        self.last = (height, width, CHANNELS[1])
        sizes = (height * width * CHANNELS[1],) + LINEAR + (classes,)
        self.linears = [Linear(random, sizes[i], sizes[i + 1], 2 if i < 2 else 1) for i in range(3)]
        self.layers = self.convolutions + self.linears

    def forward(self, images, random=None):
        """The logits; with dropout if there are random numbers."""
        self.after, self.kept = [], []
        h = images[..., None]
        for layer in self.convolutions:
            h = layer.forward(h)
            self.after.append(h)
        h = h.reshape(len(h), -1)
        for layer in self.linears[:-1]:
            if random:
                kept = (random.random(h.shape, np.float32) >= DROPOUT) / np.float32(1 - DROPOUT)
                self.kept.append(kept)
                h = h * kept
            h = np.maximum(layer.forward(h), 0)
            self.after.append(h)
        return self.linears[-1].forward(h)

    def backward(self, d_logits):
        """The gradients of each layer's weight and bias, in the order of the layers."""
        gradients = [None] * len(self.layers)
        d_h = d_logits
        for i in reversed(range(len(self.layers))):
            layer = self.layers[i]
            if isinstance(layer, Linear):
                if i < len(self.layers) - 1:
                    d_h = d_h * (self.after[i] > 0)
                *gradients[i], d_h = layer.backward(d_h)
                if i < len(self.layers) - 1:
                    d_h = d_h * self.kept[i - len(self.convolutions)]
            else:
                *gradients[i], d_h = layer.backward(self.after[i], d_h.reshape(self.after[i].shape), i > 0)
        return gradients

    def tensors(self):
        """The arrays of the file, as PyTorch has them: a linear layer's weight is [out, in], and the
        first one takes channels before rows before columns."""
        found = {}
        for i, layer in enumerate(self.convolutions):
            found[f"convolutions.{i}.weight"], found[f"convolutions.{i}.bias"] = layer.exported(), layer.bias
        for i, layer in enumerate(self.linears):
            weight = layer.weight
            if i == 0:
                weight = weight.reshape(self.last + (-1,)).transpose(2, 0, 1, 3).reshape(weight.shape)
            found[f"linears.{i}.weight"], found[f"linears.{i}.bias"] = weight.T, layer.bias
        return found


class Adam:
    def __init__(self, layers):
        self.layers, self.step = layers, 0
        self.moments = [[(np.zeros_like(a), np.zeros_like(a)) for a in (l.weight, l.bias)] for l in layers]

    def update(self, gradients, rate):
        self.step += 1
        scale = np.float32(rate * np.sqrt(1 - 0.999 ** self.step) / (1 - 0.9 ** self.step))
        for layer, gradient, moments in zip(self.layers, gradients, self.moments):
            layer.weight *= np.float32(1 - rate * WEIGHT_DECAY)
            for array, g, (first, second) in zip((layer.weight, layer.bias), gradient, moments):
                first += np.float32(0.1) * (g - first)
                second += np.float32(0.001) * (g * g - second)
                array -= scale * first / (np.sqrt(second) + np.float32(1e-8))


def to_grey(images):
    return images.astype(np.float32) / np.float32(255)


def shifted(images, most, random):
    """Each image shifted by at most so many pixels each way; black comes in."""
    padded = np.pad(images, ((0, 0), (most, most), (most, most)))
    windows = np.lib.stride_tricks.sliding_window_view(padded, images.shape[1:], (1, 2))
    down, right = random.integers(0, 2 * most + 1, (2, len(images)))
    return windows[np.arange(len(images)), down, right]


def loss_gradient(logits, labels):
    """The mean cross-entropy and its gradient in the logits."""
    shifted_logits = logits - logits.max(1, keepdims=True)
    probabilities = np.exp(shifted_logits)
    sums = probabilities.sum(1, keepdims=True)
    rows = np.arange(len(labels))
    loss = np.mean(np.log(sums[:, 0]) - shifted_logits[rows, labels])
    probabilities /= sums
    probabilities[rows, labels] -= 1
    return loss, probabilities / np.float32(len(labels))


def accuracy(network, images, labels):
    right = 0
    for i in range(0, len(images), 500):
        right += np.sum(network.forward(to_grey(images[i:i + 500])).argmax(1) == labels[i:i + 500])
    return float(right / len(images))


def train(network, random, images, labels, options):
    epochs = options.epochs
    adam = Adam(network.layers)
    batch = min(BATCH, len(images))
    steps = len(images) // batch
    for epoch in range(epochs):
        began, total = time.monotonic(), 0
        order = random.permutation(len(images))
        for step in range(steps):
            rows = order[step * batch:(step + 1) * batch]
            logits = network.forward(to_grey(shifted(images[rows], options.shift, random)), random)
            loss, d_logits = loss_gradient(logits, labels[rows])
            total += loss
            done = (epoch * steps + step) / (epochs * steps)
            adam.update(network.backward(d_logits), options.rate * 0.5 * (1 + np.cos(np.pi * done)))
        seconds = time.monotonic() - began
        print(f"epoch {epoch + 1:2} of {epochs}: loss {total / steps:.4f}, {seconds:.0f} s", flush=True)


def write_safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, array in tensors.items():
        content = np.ascontiguousarray(array, "<f4").tobytes()
        offsets = [len(data), len(data) + len(content)]
        header[name] = {"dtype": "F32", "shape": list(array.shape), "data_offsets": offsets}
        data += content
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + data)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("train_images", "train_labels", "test_images", "test_labels"):
        parser.add_argument(name, metavar=name.upper())
    parser.add_argument("--out", required=True, metavar="FILE.safetensors", help="where to write the network")
    parser.add_argument("--name", default="mnist", help="what the network calls its data set (mnist)")
    parser.add_argument("--seed", type=int, default=1, help="of the weights, shifts and dropout (1)")
    parser.add_argument("--epochs", type=int, default=12, help="passes over the training images (12)")
    parser.add_argument("--rate", type=float, default=0.002, help="the first learning rate (0.002)")
    parser.add_argument("--shift", type=int, default=2, help="most pixels that a training image is shifted by (2)")
    options = parser.parse_args()
    if options.epochs < 1 or options.seed < 0 or options.shift < 0 or not 0 < options.rate < 1:
        parser.error("--epochs must be at least 1, --seed and --shift at least 0, and --rate between 0 and 1")

    images, labels = read_pair(options.train_images, options.train_labels)
    test_images, test_labels = read_pair(options.test_images, options.test_labels)
    if test_images.shape[1:] != images.shape[1:]:
        sys.exit(f"{options.test_images}: the size of the images is not that of {options.train_images}")
    classes = int(max(labels.max(), test_labels.max())) + 1
    if classes < 2:
        sys.exit(f"{options.train_labels}: all labels are 0; there must be two classes or more")

    random = np.random.default_rng(options.seed)
    height, width = images.shape[1:]
    network = Network(random, height, width, classes)
    made_by = f"scripts/train_features.py --name {options.name} --seed {options.seed} --epochs {options.epochs}"
    for key in ("rate", "shift"):
        if getattr(options, key) != parser.get_default(key):
            made_by += f" --{key} {getattr(options, key)}"
    train(network, random, images, labels, options)
    reached = accuracy(network, test_images, test_labels)
    write_safetensors(options.out, network.tensors(), {
        "format": FORMAT,
        "name": options.name,
        "height": str(height),
        "width": str(width),
        "classes": str(classes),
        "test_accuracy": f"{reached:.4f}",
        "made_by": made_by,
        "training_images": str(len(images)),
    })
    print(f"{options.out}: {100 * reached:.2f} % of {len(test_labels)} test images right")


if __name__ == "__main__":
    main()
