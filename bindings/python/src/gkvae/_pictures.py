"""Images for models: their forms as arrays, and pictures of them."""
from __future__ import annotations

import struct
import zlib
from typing import Optional

import numpy as np

from ._arrays import as_real


def images_of(X: object, shape: Optional[tuple]) -> np.ndarray:
    """An array (n, height, width[, channels]) from images or rows."""
    X = as_real(X, "X")
    if X.ndim == 2:
        if shape is None:
            side = int(round(np.sqrt(X.shape[1])))
            shape = (side, side) if side * side == X.shape[1] and side > 1 else (1, X.shape[1])
        if int(np.prod(shape)) != X.shape[1]:
            one = "; X[None] is one image" if X.shape == tuple(shape[:2]) else ""
            raise ValueError(f"X has rows of {X.shape[1]} values; image_shape is {tuple(shape)}{one}")
        X = X.reshape((len(X), *shape))
    if X.ndim == 4 and X.shape[3] == 1:
        X = X[..., 0]
    if X.ndim not in (3, 4) or (X.ndim == 4 and X.shape[3] != 3):
        channels = "; X.transpose(0, 2, 3, 1) has the channels last" if X.ndim == 4 and X.shape[1] in (1, 3) else ""
        raise ValueError(f"X has shape {X.shape}; give images (n, height, width[, 3]) or rows (n, pixels){channels}")
    return X


def levels_of(images: np.ndarray) -> np.ndarray:
    """Bytes 0 … 255 from bytes, or from numbers in [0, 1]."""
    if images.dtype == np.uint8:
        return np.ascontiguousarray(images)
    if images.dtype.kind == "b":
        return np.ascontiguousarray(images * np.uint8(255))
    low, high = (images.min(), images.max()) if images.size else (0, 0)
    if images.dtype.kind in "iu" and low >= 0 and 1 < high <= 255:
        return np.ascontiguousarray(images, np.uint8)
    if not (low >= 0 and high <= 1):
        raise ValueError(f"X has values from {low:g} to {high:g}: give bytes 0 … 255 or numbers in [0, 1], or set "
                         'binarization="continuous" for other numbers')
    return np.ascontiguousarray(np.rint(255 * images.astype(np.float64)), np.uint8)


def grid_of(images: np.ndarray, columns: int, limits: tuple) -> np.ndarray:
    """Images side by side, as bytes from the lower limit to the upper one."""
    low, high = limits
    levels = np.clip(np.rint(255 * (images - low) / (high - low)), 0, 255).astype(np.uint8)
    n, height, width = levels.shape[:3]
    rows = n // columns
    rest = levels.shape[3:]
    return levels.reshape(rows, columns, height, width, *rest).swapaxes(1, 2).reshape(rows * height, columns * width,
                                                                                      *rest)


def png_of(pixels: np.ndarray) -> bytes:
    """A PNG file of bytes (height, width[, 3])."""
    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    height, width = pixels.shape[:2]
    header = struct.pack(">IIBBBBB", width, height, 8, 2 if pixels.ndim == 3 else 0, 0, 0, 0)
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
