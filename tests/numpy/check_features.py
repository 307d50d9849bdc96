#!/usr/bin/env python3
"""A feature network, written a second time, and what `gkvae features` wrote.

Needs NumPy and nothing else. Computes features and probabilities of an IDX file's images in
float64 from the network's file, whose form docs/files.md states, and compares.

    python3 tests/numpy/check_features.py NETWORK.safetensors IMAGES FEATURES.npy PROBABILITIES.npy [LABELS ACCURACY]

With labels, the share of images whose most probable class is their label must be at least ACCURACY.
"""

import sys

import numpy as np

from check_model import read_bytes, read_images, read_safetensors

TOLERANCE = 1e-4  # of the features' root mean square; and of a probability


def convolution(x, weight, bias, padding):
    """ReLU and max-pooling 2×2 after a convolution: [n, in, height, width] → [n, out, …]."""
    x = np.pad(x, ((0, 0), (0, 0), (padding, padding), (padding, padding)))
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], (2, 3))
    y = np.einsum("nchwij,ocij->nohw", windows, weight, optimize=True) + bias[:, None, None]
    n, out, height, width = y.shape
    y = y[:, :, :height // 2 * 2, :width // 2 * 2].reshape(n, out, height // 2, 2, width // 2, 2)
    return np.maximum(y.max((3, 5)), 0)


def forward(arrays, images):
    x = images[:, None]
    for i, padding in enumerate((2, 0)):
        x = convolution(x, arrays[f"convolutions.{i}.weight"], arrays[f"convolutions.{i}.bias"], padding)
    x = x.reshape(len(x), -1)
    for i in range(2):
        x = np.maximum(x @ arrays[f"linears.{i}.weight"].T + arrays[f"linears.{i}.bias"], 0)
    logits = x @ arrays["linears.2.weight"].T + arrays["linears.2.bias"]
    shares = np.exp(logits - logits.max(1, keepdims=True))
    return x, shares / shares.sum(1, keepdims=True)


def main(arguments):
    if len(arguments) not in (4, 6):
        sys.exit(__doc__.strip())
    arrays, metadata = read_safetensors(arguments[0])
    size = int(metadata["height"]), int(metadata["width"])
    images = read_images(arguments[1]).reshape(-1, *size) / 255.0
    worst = []
    for path, ours, scaled in zip(arguments[2:4], forward(arrays, images), (True, False)):
        theirs = np.load(path)
        if theirs.dtype != np.float32 or theirs.shape != ours.shape:
            sys.exit(f"{path}: {theirs.dtype} {theirs.shape}, not float32 {ours.shape}")
        worst.append(abs(ours - theirs).max() / (np.sqrt(np.mean(ours**2)) if scaled else 1))
    print(f"{arguments[0]}: {len(images)} images, features within {worst[0]:.1e}, probabilities within {worst[1]:.1e}")
    if len(arguments) == 6:
        labels = np.frombuffer(read_bytes(arguments[4]), np.uint8, offset=8)
        right = np.mean(theirs.argmax(1) == labels)
        print(f"  {100 * right:.2f} % right")
        if right < float(arguments[5]):
            sys.exit(f"{arguments[0]}: less than {arguments[5]} of the images are right")
    if not max(worst) <= TOLERANCE:
        sys.exit(f"FAILED: more than {TOLERANCE:g}")


if __name__ == "__main__":
    main(sys.argv[1:])
