"""Job cmd, code srw: draws spectra, intensities and how a mean converges, and measures spots."""

import numpy as np

#: Colours that the colour-blind can tell apart (Okabe and Ito).
BLUE, ORANGE, GREY = "#1f83c6", "#d55e00", "#8a8f98"
CLEAR, GRID = "rgba(0,0,0,0)", "rgba(128,128,128,0.25)"
#: Black to cream with rising lightness, so that it also reads in grey and for the colour-blind.
COLOURS = ("#05030f", "#2a1153", "#6b1d6f", "#b2365f", "#e5653a", "#f9a93a", "#fff3c4")
DENSITY = "ph/s/0.1%bw/mm²"
#: Above this many µm lengths are told in mm.
LARGE = 1000.0


def axis(text):
    return {"title": {"text": text}, "gridcolor": GRID, "zeroline": False, "ticks": "outside", "ticklen": 4}


def layout(title, **more):
    return {
        "title": {"text": title, "x": 0.5}, "margin": {"l": 72, "r": 24, "t": 48, "b": 56},
        "legend": {"orientation": "h", "x": 0.5, "xanchor": "center", "y": -0.2, "yanchor": "top"},
        "paper_bgcolor": CLEAR, "plot_bgcolor": CLEAR, **more,
    }  # fmt: skip


def line(x, y, name, colour, unit):
    return {
        "type": "scatter", "mode": "lines", "x": np.asarray(x, np.float32), "y": np.asarray(y, np.float32), "name": name,
        "line": {"color": colour, "width": 1.8}, "hovertemplate": "%{y:.3e} " + unit,
    }  # fmt: skip


def spectrum(energies, curves, through_slit, marks, distance):
    """`marks` are (photon energy, name): where harmonics or the critical energy are."""
    unit = "ph/s/0.1%bw" if through_slit else DENSITY
    names = {"one": ("one electron", ORANGE), "whole": ("whole beam", BLUE)}
    data = [line(energies, values, names[key][0], names[key][1], unit) for key, values in curves.items()]
    shapes = [
        {
            "type": "line",
            "x0": place,
            "x1": place,
            "yref": "paper",
            "y0": 0,
            "y1": 1,
            "line": {"color": GREY, "width": 1, "dash": "dot"},
        }
        for place, _ in marks
    ]
    notes = [
        {"x": place, "yref": "paper", "y": 1, "yanchor": "top", "xanchor": "left", "text": name, "showarrow": False}
        for place, name in marks
    ]
    return {
        "data": data,
        "layout": layout(
            f"{'Flux through the slit' if through_slit else 'Flux per area on the axis'}, {distance:g} m from the source", shapes=shapes, annotations=notes,
            xaxis={**axis("photon energy [eV]"), "exponentformat": "none", "separatethousands": True, "range": [float(energies[0]), float(energies[-1])]},
            yaxis={**axis(f"{'flux' if through_slit else 'flux per area'} [{unit}]"), "rangemode": "tozero", "exponentformat": "power"},
            hovermode="x unified", showlegend=len(data) > 1,
        ),
    }  # fmt: skip


def scaled(x, y):
    """(x, y, unit): metres as µm, or as mm where the picture is large."""
    large = max(x[-1] - x[0], y[-1] - y[0]) * 1e6 > LARGE
    return (x * 1e3, y * 1e3, "mm") if large else (x * 1e6, y * 1e6, "µm")


def heat(x, y, values, title, top=None):
    """`top` is what the brightest colour stands for, so that frames share it."""
    x, y, unit = scaled(x, y)
    side = {"showgrid": False, "zeroline": False, "ticks": "outside", "constrain": "domain"}
    top = float(values.max() if top is None else top) or 1.0
    return {
        "data": [
            {
                "type": "heatmap", "z": np.ascontiguousarray(values, np.float32),
                "x0": float(x[0]), "dx": float(x[1] - x[0]), "y0": float(y[0]), "dy": float(y[1] - y[0]),
                "zmin": 0, "zmax": top, "zsmooth": "best" if len(x) < 256 else False,
                "colorscale": [[i / (len(COLOURS) - 1), colour] for i, colour in enumerate(COLOURS)],
                "colorbar": {
                    "title": {"text": DENSITY, "side": "right"}, "thickness": 12, "outlinewidth": 0, "nticks": 6, "exponentformat": "power",
                },
                "hovertemplate": f"x %{{x:.4g}} {unit}, y %{{y:.4g}} {unit}<br>%{{z:.3e}} {DENSITY}<extra></extra>",
            }
        ],
        "layout": layout(
            title, xaxis={**side, "title": {"text": f"x [{unit}]"}}, yaxis={**side, "title": {"text": f"y [{unit}]"}, "scaleanchor": "x"}
        ),
    }  # fmt: skip


def on_axis(values):
    """The cuts through the middle: along x, along y. Of an even number of points the mean of the two in the middle."""
    rows, columns = values.shape
    middle = slice((rows - 1) // 2, rows // 2 + 1), slice((columns - 1) // 2, columns // 2 + 1)
    return values[middle[0]].mean(axis=0), values[:, middle[1]].mean(axis=1)


def cuts(x, y, values, title):
    along_x, along_y = on_axis(values)
    x, y, unit = scaled(x, y)
    return {
        "data": [line(x, along_x, "along x", BLUE, DENSITY), line(y, along_y, "along y", ORANGE, DENSITY)],
        "layout": layout(
            title, xaxis=axis(f"x, y [{unit}]"), hovermode="x unified",
            yaxis={**axis(f"intensity [{DENSITY}]"), "rangemode": "tozero", "exponentformat": "power"},
        ),
    }  # fmt: skip


def converging(rows):
    electrons, _, unsure = np.array(rows).T
    return {
        "data": [
            {**line(electrons, unsure * 100, "uncertainty", BLUE, "%"), "mode": "lines+markers", "hovertemplate": "%{y:.3g} %"},
            {
                **line(electrons, unsure[-1] * 100 * np.sqrt(electrons[-1] / electrons), "1/√electrons", GREY, "%"),
                "line": {"color": GREY, "width": 1, "dash": "dot"}, "hoverinfo": "skip", "hovertemplate": None,
            },
        ],
        "layout": layout(
            f"Uncertainty of the mean: {unsure[-1]:.2%} after {int(electrons[-1]):,} electrons",
            xaxis={**axis("electrons"), "type": "log"}, yaxis={**axis("uncertainty [%]"), "type": "log"}, hovermode="x unified",
        ),
    }  # fmt: skip


def fwhm(places, values):
    """The width at half the maximum, in the unit of `places`; None where the curve does not fall to half on both sides."""
    top = int(np.argmax(values))
    half = values[top] / 2
    if half <= 0:
        return None
    above = np.flatnonzero(values >= half)
    first, last = int(above[0]), int(above[-1])
    if first == 0 or last == len(values) - 1:
        return None
    left = crossing(places[first - 1 : first + 1], values[first - 1 : first + 1], half)
    return float(crossing(places[last : last + 2], values[last : last + 2], half) - left)


def crossing(places, values, level):
    return places[0] + (level - values[0]) / (values[1] - values[0]) * (places[1] - places[0])


def measure(x, y, values):
    """Results of a picture: the peak, the flux in it and, where it has them, its widths on the axis (µm)."""
    told = {"peak_density": float(values.max()), "flux": float(values.sum() * (x[1] - x[0]) * (y[1] - y[0]) * 1e6)}
    for plane, places, cut in zip("xy", (x, y), on_axis(values), strict=True):
        wide = fwhm(places * 1e6, cut)
        if wide is not None:
            told["fwhm_" + plane] = wide
    return told
