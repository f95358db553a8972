"""A code that leaves files of every kind: tables, text, JSON, pictures, HDF5, NumPy, bytes, and names that are hard to carry."""

from __future__ import annotations

import json
import math
import os
import struct
import zlib
from typing import Any

RTL = "\u202e"


def prepare(run: Any) -> Any:
    return leave


def leave(run: Any) -> None:
    import h5py
    import numpy as np

    with open("orbit.csv", "w") as file:
        file.write("s,x,name\n")
        file.writelines(f"{n * 0.5},{math.sin(n / 20):.6f},=cmd()|{n}\n" for n in range(5000))
    with open("twiss.tfs", "w") as file:
        file.write('@ NAME             %05s "TWISS"\n@ Q1               %le             5.2\n* NAME S BETX\n$ %s   %le %le\n')
        file.writelines(f' "QF.{n}"  {n * 1.5}  {10 + n % 7}.25\n' for n in range(40))
    with open("columns.dat", "w") as file:
        file.write("# s [m]  beta [m]\n")
        file.writelines(f"  {n:4d}   {1.0 / (n + 1):.5e}\n" for n in range(100))
    with open("long.txt", "w") as file:
        file.writelines(f"line {n}: <b onmouseover=alert(1)>text</b> of a file that goes on\n" for n in range(40000))
    with open("settings.json", "w") as file:
        json.dump({"<img src=x onerror=alert(1)>": {"list": list(range(500)), "deep": {"er": [True, None, 1.5]}}}, file)
    with open("broken.json", "w") as file:
        file.write('{"cut": [1, 2')
    with open("picture.png", "wb") as file:
        file.write(png(64, 48))
    with open("hostile.svg", "w") as file:
        file.write(
            '<svg xmlns="http://www.w3.org/2000/svg" width="200" height="100" onload="alert(1)"><script>alert(2)</script>'
            '<image href="http://evil.invalid/x.png" width="9" height="9"/><rect width="200" height="100" fill="teal"/></svg>'
        )
    with open("page.html", "w") as file:
        file.write("<script>alert('html')</script><h1>HTML</h1>")
    with open("paper.pdf", "wb") as file:
        file.write(b"%PDF-1.4\n\x00\x01nothing")
    with open("noise.bin", "wb") as file:
        file.write(bytes(range(256)) * 20)
    with open("empty.txt", "w"):
        pass
    for name in ("a b#c?.txt", "100%.txt", f"abc{RTL}gpj.txt", "<img src=x onerror=alert('name')>", "Größe π.txt", "x" * 200 + ".txt"):
        with open(name, "w") as file:
            file.write("odd " + name)
    for name in (b"line\nend.txt", b"caf\xe9.txt"):
        with open(name, "w") as file:
            file.write("a name that is no text")
    os.makedirs("deep/er/est")
    with open("deep/er/est/leaf.txt", "w") as file:
        file.write("a leaf")
    np.save("field.npy", np.arange(600, dtype=">f4").reshape(20, 30))
    np.savez_compressed("arrays.npz", one=np.arange(5), two=np.asfortranarray(np.arange(6.0).reshape(2, 3)))
    with open("damaged.h5", "wb") as file:
        file.write(b"\x89HDF\r\n\x1a\n" + bytes(range(256)) * 8)
    with h5py.File("fields.h5", "w") as made:
        hdf5(made, h5py, np)


def hdf5(file: Any, h5py: Any, np: Any) -> None:
    file.attrs["title"] = "<script>alert('attribute')</script>"
    file.attrs["version"] = np.array([1, 2, 3])
    group = file.create_group("deep/er/<img src=x onerror=alert(1)>")
    group.create_dataset("leaf", data=np.arange(10, dtype=">i8"))
    grid = np.hypot(*np.meshgrid(np.linspace(-3, 3, 900), np.linspace(-2, 2, 700)))
    one = file.create_dataset("density", data=np.sin(grid * 4).astype("f4"), chunks=(100, 100), compression="gzip", shuffle=True)
    one.attrs["unit"] = "1/m³"
    file.create_dataset("cube", data=np.arange(4 * 5 * 6 * 7.0).reshape(4, 5, 6, 7), chunks=True, compression="lzf")
    file.create_dataset("energy", data=np.cumsum(np.sin(np.arange(100_000) / 50)))
    file.create_dataset("count", data=np.int32(42))
    file.create_dataset("names", data=["QF", "QD", "<img src=x onerror=alert('cell')>", "größer"], dtype=h5py.string_dtype())
    file.create_dataset("fixed", data=np.array([b"ab", b"c"], dtype="S4"))
    file.create_dataset("flags", data=np.array([True, False, True]))
    file.create_dataset("half", data=np.arange(4, dtype="f2"))
    table = np.array([(1, 2.5, b"x"), (2, -3.5, b"y")], dtype=[("id", "i4"), ("value", "f8"), ("label", "S2")])
    file.create_dataset("table", data=table)
    file.create_dataset("complex", data=np.array([1 + 2j, 3 - 4j]))
    file.create_dataset("nothing", data=h5py.Empty("f8"))
    file.create_dataset("none", shape=(0, 3), dtype="f8")
    ragged = file.create_dataset("ragged", (2,), dtype=h5py.vlen_dtype(np.int32))
    ragged[0], ragged[1] = [1, 2, 3], [4]
    file["soft"] = h5py.SoftLink("/not/there")
    file["outside"] = h5py.ExternalLink("/etc/passwd", "/x")
    file["deep/circle"] = file["deep"]
    # what asks for 2 GiB at once, and takes a few bytes on the disk
    file.create_dataset("huge", shape=(1 << 28,), dtype="f8", chunks=(1 << 26,), compression="gzip")


def png(width: int, height: int) -> bytes:
    rows = b"".join(b"\0" + bytes(v for x in range(width) for v in (x * 4 % 256, y * 5 % 256, 128)) for y in range(height))

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
