#!/usr/bin/env python3
"""Makes tests/fixtures/png: a small picture of each kind of PNG, of 6 × 5 pixels, with the standard
library alone. tests/data/test_png_read.c has the same formulas of the levels.
    python3 scripts/make_png_fixtures.py tests/fixtures/png"""
import os
import struct
import sys
import zlib

WIDTH, HEIGHT = 6, 5
SAMPLES = {0: 1, 2: 3, 3: 1, 4: 2, 6: 4}  # of each colour type
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2), (0, 1, 1, 2)]


def level(x, y, c, depth):
    """The level of a sample; c = 3 is opacity in colour, and c = 1 in grey."""
    return (x * 9000 + y * 3001 + c * 20011) % 65536 >> (16 - depth)


def chunk(name, data):
    body = name + data
    return struct.pack(">I", len(data)) + body + struct.pack(">I", zlib.crc32(body))


def pack(values, depth):
    if depth == 16:
        return b"".join(struct.pack(">H", v) for v in values)
    bits = "".join(f"{v:0{depth}b}" for v in values)
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def rows(kind, depth, x0, y0, dx, dy):
    """The filtered rows of a pass; filter 0, and filter 2 (up) for odd rows of whole bytes."""
    out, above = b"", None
    for n, y in enumerate(range(y0, HEIGHT, dy)):
        xs = range(x0, WIDTH, dx)
        if not xs:
            return b""
        row = pack([level(x, y, c, depth) for x in xs for c in range(SAMPLES[kind])], depth)
        if n % 2 == 1:
            out += b"\2" + bytes((b - a) % 256 for a, b in zip(above, row))
        else:
            out += b"\0" + row
        above = row
    return out


def png(kind, depth, interlaced=False, clear=None, gamma=False):
    out = b"\x89PNG\r\n\x1a\n"
    out += chunk(b"IHDR", struct.pack(">IIBBBBB", WIDTH, HEIGHT, depth, kind, 0, 0, int(interlaced)))
    if gamma:
        out += chunk(b"gAMA", struct.pack(">I", 100000))
    if kind == 3:
        entries = [bytes([i * 9 % 256, i * 20 % 256, 255 - i * 3 % 256]) for i in range(1 << depth)]
        out += chunk(b"PLTE", b"".join(entries))
    if clear is not None:
        out += chunk(b"tRNS", clear)
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    data = zlib.compress(b"".join(rows(kind, depth, *p) for p in passes), 9)
    half = len(data) // 2  # two chunks
    return out + chunk(b"IDAT", data[:half]) + chunk(b"IDAT", data[half:]) + chunk(b"IEND", b"")


PICTURES = {
    "grey-1": png(0, 1),
    "grey-2": png(0, 2),
    "grey-4": png(0, 4),
    "grey-8": png(0, 8),
    "grey-8-gamma": png(0, 8, gamma=True),
    "grey-8-interlaced": png(0, 8, interlaced=True),
    "grey-16": png(0, 16),
    "grey-8-clear": png(0, 8, clear=struct.pack(">H", level(1, 0, 0, 8))),
    "grey-alpha-8": png(4, 8),
    "grey-alpha-16": png(4, 16),
    "palette-1": png(3, 1),
    "palette-4": png(3, 4),
    "palette-8": png(3, 8),
    "palette-4-clear": png(3, 4, clear=bytes([0, 128, 255])),
    "colour-8": png(2, 8),
    "colour-16": png(2, 16),
    "colour-8-interlaced": png(2, 8, interlaced=True),
    "colour-alpha-8": png(6, 8),
    "colour-alpha-16-interlaced": png(6, 16, interlaced=True),
}

if __name__ == "__main__":
    os.makedirs(sys.argv[1], exist_ok=True)
    for name, content in PICTURES.items():
        with open(os.path.join(sys.argv[1], name + ".png"), "wb") as file:
            file.write(content)
