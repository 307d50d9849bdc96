#!/usr/bin/env python3
"""Makes tests/fixtures/mnist-small from the full MNIST.

    scripts/make-fixture.py FOLDER [OUT]

FOLDER holds MNIST's four IDX files under their standard names, raw or with .gz, as
`gkvae data get mnist` leaves them in data/mnist; each is checked by its SHA-256. OUT
is tests/fixtures/mnist-small unless given.

The choice is deterministic and balanced: of each digit, 200 training and 50 test
images, evenly spaced among all of that digit, in the order of the full set. Running
it again gives the same images and labels, and, with the same zlib, the same bytes.
"""

import gzip
import hashlib
import pathlib
import struct
import sys

CLASSES = 10
# Prefix of the files, images per class, SHA-256 of the full images and labels.
SPLITS = [
    ("train", 200,
     "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
     "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"),
    ("t10k", 50,
     "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
     "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"),
]


def read_known(folder, name, sha256):
    """The uncompressed content of a file, which must have this SHA-256."""
    for path in (folder / name, folder / (name + ".gz")):
        if path.exists():
            content = path.read_bytes()
            if content[:2] == b"\x1f\x8b":
                content = gzip.decompress(content)
            found = hashlib.sha256(content).hexdigest()
            if found != sha256:
                sys.exit(f"{path}: the SHA-256 of the content is {found}; expected {sha256}")
            return content
    sys.exit(f"{folder / name}: no such file, nor with .gz; run `gkvae data get mnist`")


def choose(labels, per_class):
    """The chosen places, ascending."""
    chosen = []
    for digit in range(CLASSES):
        places = [i for i, label in enumerate(labels) if label == digit]
        chosen += [places[k * len(places) // per_class] for k in range(per_class)]
    return sorted(chosen)


def write(path, content):
    # No time and no name in the gzip header: the same content is the same file.
    with open(path, "wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=0) as packed:
        packed.write(content)
    print(f"{path}: {path.stat().st_size} bytes, content {hashlib.sha256(content).hexdigest()}")


def main(arguments):
    if len(arguments) not in (1, 2):
        sys.exit(__doc__.strip())
    folder = pathlib.Path(arguments[0])
    standard = pathlib.Path(__file__).resolve().parent.parent / "tests" / "fixtures" / "mnist-small"
    out = pathlib.Path(arguments[1]) if len(arguments) == 2 else standard
    out.mkdir(parents=True, exist_ok=True)
    for prefix, per_class, images_sha256, labels_sha256 in SPLITS:
        images = read_known(folder, f"{prefix}-images-idx3-ubyte", images_sha256)
        labels = read_known(folder, f"{prefix}-labels-idx1-ubyte", labels_sha256)[8:]
        _, _, height, width = struct.unpack(">IIII", images[:16])
        size = height * width
        chosen = choose(labels, per_class)
        write(out / f"{prefix}-images-idx3-ubyte.gz",
              struct.pack(">IIII", 0x803, len(chosen), height, width)
              + b"".join(images[16 + i * size:16 + (i + 1) * size] for i in chosen))
        write(out / f"{prefix}-labels-idx1-ubyte.gz",
              struct.pack(">II", 0x801, len(chosen)) + bytes(labels[i] for i in chosen))


if __name__ == "__main__":
    main(sys.argv[1:])
