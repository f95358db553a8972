"""Job cmd, code srw: what SRW is asked for: a beam, a magnet, the field of one electron, its way through the beamline, intensities."""

import math
from array import array

import numpy as np
from srw_words import gamma, harmonic_energy, harmonics_width
from srwpy import srwlib
from srwpy.srwlib import srwl

#: SRW's own words: all polarisations; intensity of one electron, by convolution of the beam; flux of one electron; over x and y, over energy.
TOTAL, ONE, WHOLE, FLUX, OVER_XY, OVER_ENERGY = 6, 0, 1, 2, 3, 0
#: How SRW integrates along the path: for undulators, for wigglers and all else.
METHODS = {"undulator": 1, "bend": 2}
TRAJECTORY_POINTS = 20_000
#: Precision of the harmonics' integrals along the undulator and around its axis; with 3 they are the textbook's to 0.1 %.
HARMONIC_PRECISION = 3.0


def beam(inputs):
    """The electron beam at the place where SRW begins: in front of an undulator, in the middle of a bending magnet."""
    made = srwlib.SRWLPartBeam()
    made.from_Twiss(
        _Iavg=inputs["current"], _e=inputs["energy"], _sig_e=inputs["energy_spread"] / 100,
        _emit_x=inputs["emittance_x"] * 1e-9, _beta_x=inputs["beta_x"],
        _emit_y=inputs["emittance_y"] * 1e-9, _beta_y=inputs["beta_y"],
    )  # fmt: skip
    if inputs["source"] == "undulator":
        made.drift(-0.5 * inputs["period"] * 1e-3 * (inputs["periods"] + 4))
    return made


def magnet(inputs):
    """The one magnet, centred at 0."""
    made = undulator(inputs) if inputs["source"] == "undulator" else srwlib.SRWLMagFldM(inputs["field"], 1, "n", inputs["length"])
    return srwlib.SRWLMagFldC([made], array("d", [0]), array("d", [0]), array("d", [0]))


def undulator(inputs):
    plane = "v" if inputs["polarisation"] == "horizontal" else "h"
    made = srwlib.SRWLMagFldU([srwlib.SRWLMagFldH(1, plane, 1.0, 0, 1, 1)], inputs["period"] * 1e-3, inputs["periods"])
    # K of 1 T by SRW's own constants
    made.arHarm[0].B = inputs["k"] / made.get_K()
    return made


def radiate(inputs, from_beam, energies, size, points, sampling=0.0):
    """The field of one electron, the first moments of `from_beam`: `energies` = (from, to, how many) in eV, `size` = (width, height)
    in metres around the axis, `points` = (nx, ny); with a `sampling` above 0 SRW chooses the points."""
    wave = srwlib.SRWLWfr()
    wave.allocate(energies[2], *points)
    mesh = wave.mesh
    mesh.zStart = inputs["distance"]
    mesh.eStart, mesh.eFin = energies[:2]
    mesh.xStart, mesh.xFin = -size[0] / 2, size[0] / 2
    mesh.yStart, mesh.yFin = -size[1] / 2, size[1] / 2
    wave.partBeam = from_beam
    how = [METHODS[inputs["source"]], inputs["precision"], 0, 0, TRAJECTORY_POINTS, 1, sampling]
    srwl.CalcElecFieldSR(wave, 0, magnet(inputs), how)
    return wave


def window(inputs, from_beam):
    """The field in the window, on as many points as a picture has."""
    energy = inputs["photon_energy"]
    return radiate(inputs, from_beam, (energy, energy, 1), sides(inputs, "window", 1e-3), (inputs["points"],) * 2)


def sides(inputs, what, unit):
    return inputs[what + "_x"] * unit, inputs[what + "_y"] * unit


def through(inputs, from_beam):
    """The field behind the last element."""
    energy = inputs["photon_energy"]
    wave = radiate(inputs, from_beam, (energy, energy, 1), sides(inputs, "window", 1e-3), (10, 10), inputs["sampling"])
    srwl.PropagElecField(wave, optics(inputs))
    return wave


def optics(inputs):
    """The beamline, with how SRW is to propagate: no resizing of its own; before the first element ours."""
    parts, ways = [], []
    for row in inputs["elements"]:
        parts.append(element(row))
        # a drift takes the quadratic phase out of the field, which focusing needs
        ways.append([0, 0, 1.0, int(row["kind"] == "drift"), 0, 1.0, 1.0, 1.0, 1.0, 0, 0, 0])
    ways[0][5:9] = [inputs["extend"], inputs["refine"]] * 2
    return srwlib.SRWLOptC(parts, ways)


def element(row):
    width, height = row["width"] * 1e-3, row["height"] * 1e-3
    if row["kind"] == "drift":
        return srwlib.SRWLOptD(row["length"])
    if row["kind"] == "lens":
        return srwlib.SRWLOptL(row["length"], row["length"])
    if row["kind"] == "circle":
        return srwlib.SRWLOptA("c", "a", width, width)
    return srwlib.SRWLOptA("r", "a", width, height)


def intensity(wave, kind=ONE):
    """Photons/s/0.1%bw/mm², an array of (ny, nx)."""
    mesh = wave.mesh
    found = array("f", bytes(4 * mesh.nx * mesh.ny))
    srwl.CalcIntFromElecField(found, wave, TOTAL, kind, OVER_XY, mesh.eStart, 0, 0)
    return np.frombuffer(found, np.float32).reshape(mesh.ny, mesh.nx)


def axes(mesh):
    """Places of the points in x and y, metres."""
    return np.linspace(mesh.xStart, mesh.xFin, mesh.nx), np.linspace(mesh.yStart, mesh.yFin, mesh.ny)


def picture_axes(inputs):
    """Places of a picture's points, metres: of the window where there is no beamline."""
    width, height = sides(inputs, "picture", 1e-6) if inputs["elements"] else sides(inputs, "window", 1e-3)
    return np.linspace(-width / 2, width / 2, inputs["points"]), np.linspace(-height / 2, height / 2, inputs["points"])


def picture(inputs, from_beam, kind=ONE):
    """(intensity on the picture's points, share of the light that is in it or None, size of the wavefront's cells in µm or None)."""
    if not inputs["elements"]:
        return intensity(window(inputs, from_beam), kind).astype(np.float64), None, None
    wave = through(inputs, from_beam)
    x, y = axes(wave.mesh)
    found = intensity(wave, kind).astype(np.float64)
    to_x, to_y = picture_axes(inputs)
    inside = interpolation(y, to_y) @ found @ interpolation(x, to_x).T
    cells = (x[1] - x[0]) * 1e6, (y[1] - y[0]) * 1e6
    arrives = found.sum() * cells[0] * cells[1]
    share = flux_um(inside, to_x, to_y) / arrives if arrives > 0 else 0.0
    return inside, min(share, 1.0), cells


def flux_um(values, x, y):
    """The sum of the intensity over the picture, times µm²."""
    return float(values.sum() * (x[1] - x[0]) * (y[1] - y[0]) * 1e12)


def interpolation(places, wanted):
    """The matrix that takes values at even `places` to those at `wanted`, linearly; 0 outside."""
    at = (wanted - places[0]) / (places[1] - places[0])
    # the last place belongs to the last cell
    low = np.clip(np.floor(at).astype(int), 0, len(places) - 2)
    part = at - low
    inside = (part >= -1e-9) & (part <= 1 + 1e-9)
    rows = np.arange(len(wanted))
    matrix = np.zeros((len(wanted), len(places)))
    matrix[rows, low] = np.where(inside, 1 - part, 0.0)
    matrix[rows, low + 1] = np.where(inside, part, 0.0)
    return matrix


def spectrum(inputs):
    """(photon energies, {name: values}): on the axis per mm², through a slit its flux; of one electron near the source, and of an
    undulator (an ideal one, seen from afar) of the whole beam."""
    energies = inputs["photon_from"], inputs["photon_to"], inputs["photon_points"]
    curves = {}
    if inputs["collect"] == "axis":
        curves["one"] = along_energy(radiate(inputs, beam(inputs), energies, (0.0, 0.0), (1, 1)), ONE)
        size = (0.0, 0.0)
    else:
        size = sides(inputs, "slit", 1e-3)
        if inputs["source"] == "bend":
            curves["one"] = along_energy(radiate(inputs, beam(inputs), energies, size, fan_points(inputs)), FLUX)
    if inputs["source"] == "undulator":
        curves["whole"] = harmonics(inputs, energies, size)
    return np.linspace(*energies), curves


def fan_points(inputs):
    """Points over a slit in a bending magnet's fan: even in x; in y fine enough for the narrowest, a tenth of 1/γ."""
    fine = 0.1 / gamma(inputs) * inputs["distance"]
    return 3, int(min(max(inputs["slit_y"] * 1e-3 / fine, 15), 200)) | 1


def along_energy(wave, kind):
    mesh = wave.mesh
    found = array("f", bytes(4 * mesh.ne))
    srwl.CalcIntFromElecField(found, wave, TOTAL, kind, OVER_ENERGY, mesh.eStart, 0, 0)
    return np.frombuffer(found, np.float32).astype(np.float64)


def harmonics(inputs, energies, size):
    """Of the whole beam, emittance and energy spread: flux through `size`, or flux per mm² on the axis where that is 0."""
    stokes = srwlib.SRWLStokes()
    stokes.allocate(energies[2], 1, 1)
    mesh = stokes.mesh
    mesh.zStart = inputs["distance"]
    mesh.eStart, mesh.eFin = energies[:2]
    on_axis = size[0] == 0
    # SRW wants a size for a flux per area as well, and takes the mean over it
    width, height = (harmonics_width(inputs),) * 2 if on_axis else size
    mesh.xStart, mesh.xFin = -width / 2, width / 2
    mesh.yStart, mesh.yFin = -height / 2, height / 2
    # light of the harmonics above comes at lower energies off the axis
    last = math.ceil(energies[1] / harmonic_energy(inputs)) + 2
    how = [1, last, HARMONIC_PRECISION, HARMONIC_PRECISION, 2 if on_axis else 1]
    srwl.CalcStokesUR(stokes, beam(inputs), undulator(inputs), how)
    return np.array(stokes.arS[: energies[2]], np.float64)
