"""PNG files made small: at most 256 colours, as a palette. Standard library and numpy; reads what a browser's screenshot is."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Pixels = NDArray[np.uint8]
_SIGNATURE = b"\x89PNG\r\n\x1a\n"


def shrink(path: Path, limit: int) -> int:
    """Write the picture again, with a palette: of 256 colours, or of fewer until it is as small as `limit`; answers with its size (bytes)."""
    pixels = read(path.read_bytes())
    for most in (256, 160, 96, 64):
        data = write(*reduce(pixels, most))
        if len(data) <= limit:
            break
    path.write_bytes(data)
    return len(data)


def read(data: bytes) -> Pixels:
    """The pixels (height, width, 3) of a PNG of 8 bits a channel, RGB or RGBA (whose alpha is left out), not interlaced."""
    at, packed, width, height, channels = len(_SIGNATURE), b"", 0, 0, 3
    while at < len(data):
        (length,), kind = struct.unpack(">I", data[at : at + 4]), data[at + 4 : at + 8]
        body = data[at + 8 : at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, colours, _, _, interlaced = struct.unpack(">IIBBBBB", body)
            if (depth, interlaced) != (8, 0) or colours not in {2, 6}:
                raise ValueError("This is no PNG as a browser writes it.")
            channels = {2: 3, 6: 4}[colours]
        elif kind == b"IDAT":
            packed += body
        at += length + 12
    lines = np.frombuffer(zlib.decompress(packed), np.uint8).reshape(height, 1 + width * channels)
    found = np.zeros((height, width * channels), np.uint8)
    above = np.zeros(width * channels, np.uint8)
    for row, line in enumerate(lines):
        above = found[row] = _unfiltered(int(line[0]), line[1:], above, channels)
    return found.reshape(height, width, channels)[:, :, :3]


def _unfiltered(kind: int, line: Pixels, above: Pixels, step: int) -> Pixels:
    if kind == 0:
        return line
    if kind == 1:
        return np.cumsum(line.reshape(-1, step), axis=0, dtype=np.uint8).reshape(-1)
    if kind == 2:
        return line + above
    out, up, raw = bytearray(len(line)), above.tobytes(), line.tobytes()
    for n, value in enumerate(raw):
        left, upper, corner = (out[n - step], up[n], up[n - step]) if n >= step else (0, up[n], 0)
        if kind == 3:
            out[n] = (value + (left + upper) // 2) & 255
        else:  # Paeth's: whichever neighbour is nearest to left + upper − corner
            guess = left + upper - corner
            far = (abs(guess - left), abs(guess - upper), abs(guess - corner))
            out[n] = (value + (left, upper, corner)[far.index(min(far))]) & 255
    return np.frombuffer(bytes(out), np.uint8)


def reduce(pixels: Pixels, most: int = 256) -> tuple[Pixels, Pixels]:
    """A palette of at most so many colours, and the index of each pixel's nearest: boxes of colours, halved where they are widest."""
    flat = pixels.reshape(-1, 3).astype(np.uint32)
    keys, inverse, counts = np.unique(
        (flat[:, 0] << 16) | (flat[:, 1] << 8) | flat[:, 2], return_inverse=True, return_counts=True
    )
    colours = np.stack([keys >> 16, (keys >> 8) & 255, keys & 255], axis=1).astype(np.float64)
    boxes = [np.arange(len(keys))]
    while len(boxes) < min(most, len(keys)):
        spans = [np.ptp(colours[box], axis=0).max() * np.sqrt(counts[box].sum()) if len(box) > 1 else -1.0 for box in boxes]
        box = boxes.pop(int(np.argmax(spans)))
        box = box[np.argsort(colours[box][:, int(np.argmax(np.ptp(colours[box], axis=0)))], kind="stable")]
        running = np.cumsum(counts[box])
        half = int(np.clip(np.searchsorted(running, running[-1] / 2), 1, len(box) - 1))
        boxes += [box[:half], box[half:]]
    palette, of = np.zeros((len(boxes), 3), np.uint8), np.zeros(len(keys), np.uint8)
    for number, box in enumerate(boxes):
        palette[number] = np.round(np.average(colours[box], axis=0, weights=counts[box]))
        of[box] = number
    return palette, of[inverse].reshape(pixels.shape[:2])


def write(palette: Pixels, indices: Pixels) -> bytes:
    """A PNG of the palette and the indices (height, width)."""
    height, width = indices.shape
    lines = np.concatenate([np.zeros((height, 1), np.uint8), indices], axis=1).tobytes()
    parts = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 3, 0, 0, 0)),
        (b"PLTE", palette.tobytes()),
        (b"IDAT", zlib.compress(lines, 9)),
        (b"IEND", b""),
    ]
    return _SIGNATURE + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body)) for kind, body in parts
    )
