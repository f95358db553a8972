"""Job cmd, code srw: what is wrong with inputs before SRW sees them, in words, and what of a result is not to be trusted.

Needs nothing but Python: SRW itself says little where it is asked for nonsense, or takes hours over it.
"""

import math

#: h c [eV m], and the electron's rest energy [GeV] that SRW uses.
HC = 1.23984198e-6
REST = 0.51099890221e-3
#: Points of a wavefront: 16 bytes each, and SRW works on several copies.
MOST_POINTS = 8_000_000
#: A wavefront that is sampled for propagation has so many points for one unit of width² / (wavelength × distance), by SRW.
POINTS_PER_FRESNEL = 1.2
#: The harmonics that a spectrum may reach.
MOST_HARMONICS = 200
#: The narrowest view, in widths of the first harmonic's cone, for which SRW's sum over harmonics can be trusted: with 0.33 it lost
#: the fifth harmonic of an ideal beam, with 0.57 the first five are the textbook's to 4 %.
NARROWEST = 0.57
#: Below this share of its light a picture is said to be too small; above this many cells a peak is resolved.
SHARE, CELLS = 0.5, 4


def gamma(inputs):
    return inputs["energy"] / REST


def wavelength(energy):
    """Metres, of a photon energy in eV."""
    return HC / energy


def harmonic_energy(inputs, theta=0.0):
    """eV, of the undulator's first harmonic at an angle (rad) to its axis: λ = λu / (2 γ²) (1 + K² / 2 + γ² θ²)."""
    g = gamma(inputs)
    return HC * 2 * g**2 / (inputs["period"] * 1e-3 * (1 + inputs["k"] ** 2 / 2 + (g * theta) ** 2))


def harmonics_width(inputs):
    """Metres at the distance: the narrowest square over which SRW's sum over harmonics is taken."""
    cone = math.sqrt(wavelength(harmonic_energy(inputs)) / (2 * inputs["period"] * 1e-3 * inputs["periods"]))
    return NARROWEST * inputs["distance"] * cone


def critical_energy(inputs):
    """eV, which halves the bending magnet's power: 3 ħ c γ³ / (2 ρ)."""
    return 3 * HC / (2 * math.pi) * gamma(inputs) ** 3 / (2 * radius(inputs))


def radius(inputs):
    """Metres, of the electron's path in the bending magnet."""
    return inputs["energy"] * 1e9 / (299792458.0 * inputs["field"])


def magnet_length(inputs):
    """Metres, with the two periods of ends at each side that SRW gives to an undulator."""
    if inputs["source"] == "bend":
        return inputs["length"]
    return inputs["period"] * 1e-3 * (inputs["periods"] + 4)


def check(model, inputs):
    """Raises ValueError with a sentence for everything that is wrong."""
    said = [*of_source(inputs)]
    if model == "spectrum":
        said += of_spectrum(inputs)
    elif inputs["source"] == "bend":
        said += of_fan(inputs, inputs["window_x"], "window")
    if model in {"beamline", "electrons"}:
        said += of_elements(inputs["elements"]) + of_size(inputs)
    if said:
        raise ValueError(" ".join(said))


def of_source(inputs):
    half = magnet_length(inputs) / 2
    if inputs["distance"] > half:
        return []
    return [
        (
            f"The distance of {inputs['distance']:g} m ends inside the magnet, which reaches {half:.3g} m from its middle: "
            "make the distance longer, or the magnet shorter."
        )
    ]


def of_spectrum(inputs):
    low, high = inputs["photon_from"], inputs["photon_to"]
    if high <= low:
        return [f"The spectrum goes from {low:g} eV to {high:g} eV: let it end above where it begins."]
    said = []
    if inputs["source"] == "undulator":
        first = harmonic_energy(inputs)
        if high / first > MOST_HARMONICS:
            said.append(
                f"{high:g} eV is harmonic {high / first:.0f} of this undulator, and {MOST_HARMONICS} are the most: "
                f"end the spectrum at {MOST_HARMONICS * first:.4g} eV or below."
            )
        narrowest = harmonics_width(inputs) * 1e3
        if inputs["collect"] == "slit" and min(inputs["slit_x"], inputs["slit_y"]) < narrowest:
            said.append(
                f"The slit is narrower than {narrowest:.3g} mm, about half of the light's cone, and SRW's sum over harmonics is not to be "
                "trusted there: make it wider, or collect on the axis and multiply by its area."
            )
    elif inputs["collect"] == "slit":
        said += of_fan(inputs, inputs["slit_x"], "slit")
    return said


def of_fan(inputs, width, what):
    """A bending magnet lights a fan; beyond it there would be nothing but its ends."""
    half = width / 2 * 1e-3 / inputs["distance"]
    reach = inputs["length"] / 2 / radius(inputs)
    if half + 1 / gamma(inputs) <= reach:
        return []
    return [
        (
            f"The {what} takes light from ±{half * 1e3:.3g} mrad, and a magnet of {inputs['length']:g} m bends by no more than "
            f"±{reach * 1e3:.3g} mrad around its middle: make the {what} narrower, or the magnet longer."
        )
    ]


def of_elements(elements):
    said = []
    for number, row in enumerate(elements, 1):
        kind = row["kind"]
        if kind == "drift" and row["length"] <= 0:
            said.append(f"Element {number} is a drift of {row['length']:g} m: give it a length above 0.")
        if kind == "lens" and row["length"] == 0:
            said.append(f"Element {number} is a lens without a focal length: give it one (below 0 it spreads the light).")
        if kind == "circle" and row["width"] <= 0:
            said.append(f"Element {number} is a circular aperture of no diameter: give it a width above 0.")
        if kind == "rectangle" and (row["width"] <= 0 or row["height"] <= 0):
            said.append(f"Element {number} is a rectangular aperture without a width or a height: give it both, above 0.")
    return said


def of_size(inputs):
    if not inputs["elements"]:
        return []
    across = [points_across(inputs, inputs[key] * 1e-3) for key in ("window_x", "window_y")]
    if across[0] * across[1] <= MOST_POINTS:
        return []
    return [
        (
            f"The wavefront would have about {across[0]:,.0f} × {across[1]:,.0f} points, and {MOST_POINTS:,} in all are the most: "
            "make the window smaller, or sampling, refinement or extension less."
        )
    ]


def points_across(inputs, width):
    """About how many points SRW gives to a wavefront of this width (m), refined and extended."""
    fresnel = width**2 / (wavelength(inputs["photon_energy"]) * inputs["distance"])
    return max(POINTS_PER_FRESNEL * inputs["sampling"] * fresnel, 8) * inputs["refine"] * inputs["extend"]


def warnings(inputs, picture, cells=None):
    """Sentences on what is not to be trusted: `picture` tells the share of the light in it, and its widths.

    `cells` are the wavefront's (µm), None where the picture's points were calculated themselves.
    """
    said = []
    share = picture.get("share")
    if share is not None and share < SHARE:
        said.append(f"The picture holds {share:.0%} of the light that arrives: make it wider to see the rest.")
    if cells is not None:
        for plane, cell in zip("xy", cells, strict=True):
            wide = picture.get("fwhm_" + plane)
            if wide and wide < CELLS * cell:
                said.append(
                    f"The spot is {wide:.3g} µm wide in {plane}, and the wavefront's points lie {cell:.3g} µm apart: raise sampling "
                    "or refinement until the width stays the same."
                )
        said += idle_apertures(inputs)
    return said


def idle_apertures(inputs):
    """Apertures that stand where the window is, and are larger than it."""
    said = []
    for number, row in enumerate(inputs["elements"], 1):
        if row["kind"] == "drift":
            break
        if row["kind"] in {"circle", "rectangle"}:
            tall = row["width"] if row["kind"] == "circle" else row["height"]
            if row["width"] >= inputs["window_x"] and tall >= inputs["window_y"]:
                said.append(
                    f"Element {number}, an aperture, is no smaller than the window and cuts nothing: the window itself does."
                )
    return said


def same_electrons(inputs):
    spread = ("emittance_x", "emittance_y", "energy_spread")
    if any(inputs[key] > 0 for key in spread):
        return []
    return ["Emittances and energy spread are 0, so all electrons are the same: one would have been enough."]
