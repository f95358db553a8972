"""A test code whose report and results hold numpy arrays."""
import numpy


def prepare(run):
    return lambda _: numpy.save("field.npy", numpy.arange(6.0).reshape(2, 3))


def report(run, name, frame):
    field = numpy.load("field.npy")
    return {
        "data": [
            {"z": field, "x": numpy.arange(3), "y": numpy.array([1, 2], dtype=">i2"), "name": numpy.float64(1.5)},
            {"x": numpy.array(["a", "b"]), "y": numpy.array([True, False]), "t": numpy.array([1.5], dtype="f2"), "n": numpy.int64(7)},
            {"big": numpy.array([2**40, 1]), "empty": numpy.zeros(0), "slice": field[:, ::2], "day": numpy.array(["2026-01-02"], dtype="M8[D]")},
        ],
        "layout": {},
    }


def finish(run):
    draws = numpy.random.random(2)
    return {"results": {"tunes": numpy.array([0.25, 0.5]), "bad": numpy.float64("nan"), "count": numpy.int32(3), "draws": draws}}
