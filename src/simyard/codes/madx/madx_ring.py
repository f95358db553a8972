"""Job cmd, code madx: a storage ring of identical FODO cells, from thin-lens theory, written as a MAD-X job.

With a quadrupole of focal length f_F, a drift d, one of -f_D, and a drift d, and F = d/f_F, D = d/f_D, the trace of the
cell's matrix gives cos µx = 1 + D - F - F D / 2 and cos µy = 1 + F - D - F D / 2; equal phase advances give the textbook's
sin(µ/2) = d / (2 f) (Wiedemann, Particle Accelerator Physics; S. Y. Lee, Accelerator Physics).
"""

import math

#: GeV
MASS = {"electron": 0.00051099895, "positron": 0.00051099895, "proton": 0.93827208816, "antiproton": 0.93827208816}
#: A sextupole takes this share of a quadrupole's length; elements keep this share of it as distance.
SEXTUPOLE = 0.5
GAP = 0.1
#: Of the beam (m): about what such a ring gives to electrons of some GeV. Optics and tracking do not depend on it.
EMITTANCE = (100e-9, 10e-9)
COLUMNS = "name,keyword,s,l,betx,alfx,mux,bety,alfy,muy,dx,dpx,dy,dpy,x,px,y,py,angle,k1l,k2l"


def thin_lens(phase_x, phase_y, drift):
    """1/f_F and 1/f_D [1/m] of the cell with these phase advances [degrees]; both are positive."""
    cos_x, cos_y = math.cos(math.radians(phase_x)), math.cos(math.radians(phase_y))
    product = 2 - cos_x - cos_y  # F D
    difference = (cos_y - cos_x) / 2  # F - D
    focusing = difference / 2 + math.sqrt(difference * difference / 4 + product)
    return focusing / drift, (focusing - difference) / drift


def job(inputs):
    """The MAD-X job; raises ValueError in the user's words for a ring that cannot be."""
    particle, energy, cells = inputs["particle"], inputs["energy"], inputs["cells"]
    length, quadrupole, dipole = inputs["cell_length"], inputs["quadrupole_length"], inputs["dipole_length"]
    if energy <= MASS[particle]:
        raise ValueError(
            f"Energy: {energy:g} GeV is not above the rest energy of a {particle}, {MASS[particle]:.6g} GeV. Raise it."
        )
    sextupole, gap = SEXTUPOLE * quadrupole, GAP * quadrupole
    beside = gap + sextupole if inputs["sextupoles"] else 0.0
    free = length / 2 - quadrupole - beside - 2 * gap
    if dipole > free:
        need = 2 * (quadrupole + beside + 2 * gap + dipole)
        raise ValueError(
            f"The cell is too short: half of it ({length / 2:g} m) has room for a dipole of {max(free, 0):.4g} m, not of {dipole:g} m. "
            f"Shorten dipole or quadrupole, or make the cell at least {need:.4g} m long."
        )
    chamber = chamber_of(inputs)
    strength_f, strength_d = thin_lens(inputs["phase_x"], inputs["phase_y"], length / 2)
    half = [("qf", quadrupole / 2)]
    if inputs["sextupoles"]:
        half.append(("sf", quadrupole + gap + sextupole / 2))
    half.append(("b", quadrupole + beside + gap + free / 2 + gap / 2))
    cell = half + [({"qf": "qd", "sf": "sd"}.get(name, name), length / 2 + at) for name, at in half]
    kinds = {"qf": "quadrupole", "qd": "quadrupole", "sf": "sextupole", "sd": "sextupole", "b": "dipole"}
    lines = [
        f"! A storage ring of {cells} FODO cells, made by Simyard from thin-lens theory.",
        'title, "FODO ring";',
        f"beam, particle={particle}, energy={energy!r}, ex={EMITTANCE[0]!r}, ey={EMITTANCE[1]!r};",
        "",
        f"kf = {strength_f / quadrupole!r};",
        f"kd = {-strength_d / quadrupole!r};",
        "ksf = 0;",
        "ksd = 0;",
        f"qf: quadrupole, l={quadrupole!r}, k1:=kf{chamber};",
        f"qd: quadrupole, l={quadrupole!r}, k1:=kd{chamber};",
        f"sf: sextupole, l={sextupole!r}, k2:=ksf{chamber};",
        f"sd: sextupole, l={sextupole!r}, k2:=ksd{chamber};",
        f"b: sbend, l={dipole!r}, angle=twopi/{2 * cells}{chamber};",
        "",
        f"cell: sequence, l={length!r}, refer=centre;",
        *(f"  {kinds[name]}_{count}: {name}, at={at!r};" for count, (name, at) in enumerate(cell, 1)),
        "endsequence;",
        "",
        f"ring: sequence, l={cells * length!r}, refer=centre;",
        *(f"  cell, at={(number + 0.5) * length!r};" for number in range(cells)),
        "endsequence;",
    ]
    if inputs["match"] or inputs["sextupoles"]:
        lines += ["", "! All cells are alike: what is matched in one holds for the ring.", "use, sequence=cell;"]
    if inputs["match"]:
        lines += match("kf", "kd", f"q1={inputs['phase_x'] / 360!r}, q2={inputs['phase_y'] / 360!r}", 1e-6)
    if inputs["sextupoles"]:
        wanted = inputs["chromaticity"] / cells
        lines += match("ksf", "ksd", f"dq1={wanted!r}, dq2={wanted!r}", 1e-4)
    lines += ["", "use, sequence=ring;", f"select, flag=twiss, column={COLUMNS};", 'twiss, file="twiss.tfs";', ""]
    return "\n".join(lines)


def chamber_of(inputs):
    """What the magnets' statements say of the vacuum chamber."""
    half = inputs["chamber_x"] / 1000, inputs["chamber_y"] / 1000
    if not any(half):
        return ""
    if not all(half):
        raise ValueError("The chamber needs both a half width and a half height, in mm; or 0 for both, which is no chamber.")
    return f", apertype=ellipse, aperture={{{half[0]!r},{half[1]!r}}}"


def match(first, second, targets, step):
    return [
        "match, sequence=cell;",
        f"  vary, name={first}, step={step:g};",
        f"  vary, name={second}, step={step:g};",
        f"  global, sequence=cell, {targets};",
        "  lmdif, calls=200, tolerance=1e-16;",
        "endmatch;",
    ]
