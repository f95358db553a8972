"""Job cmd, code srw: spectra, intensities, beamlines and whole beams by SRW, in the fork that the job cmd makes for the run; whole beams
on several cores as tasks of MPI."""

import json
import os

import numpy as np
import numpy.random  # numpy loads it late: here while warm, not in each fork
import srw_electrons
import srw_field
import srw_mpi
import srw_pictures
import srw_words

#: Whoever must stop looks for the file that says so: a signal would end a task that does not know of it yet.
PAUSE_SIGNAL = 0
SPECTRUM = "spectrum.csv"
PICTURE = os.path.join("simyard", "intensity.npz")
SUMMARY = os.path.join("simyard", "summary.json")


def prepare(run):
    srw_words.check(run.model, run.inputs)
    os.makedirs(os.path.join(run.dir, "simyard"), exist_ok=True)
    srw_mpi.forget(run)
    if run.model == "electrons" and run.tasks > 1:
        return srw_mpi.command(run)
    return {"spectrum": spectrum, "intensity": picture, "beamline": picture, "electrons": electrons}[run.model]


def progress(run):
    """Of tasks: on one core it tells so itself."""
    return srw_mpi.read(os.path.join(run.dir, srw_mpi.PROGRESS)) or {}


def show_input(run):
    """There is no file: what SRW is told, in its own units and words."""
    beam = srw_field.beam(run.inputs)
    magnet = srw_field.magnet(run.inputs).arMagFld[0]
    told = {
        "SRWLPartBeam": {"Iavg": beam.Iavg, "arStatMom2": [*beam.arStatMom2], **vars(beam.partStatMom1)},
        type(magnet).__name__: {name: value for name, value in vars(magnet).items() if name != "arHarm"},
    }
    if hasattr(magnet, "arHarm"):
        told["SRWLMagFldH"] = vars(magnet.arHarm[0])
    lines = [f"{name}: {json.dumps(values)}" for name, values in told.items()]
    if run.model in {"beamline", "electrons"} and run.inputs["elements"]:
        optics = srw_field.optics(run.inputs)
        lines += [
            f"{type(part).__name__}: {json.dumps(vars(part))}, propagated with {way}"
            for part, way in zip(optics.arOpt, optics.arProp, strict=True)
        ]
    return {"what SRW is told": "\n".join(lines) + "\n"}


def light(inputs):
    """Results that follow from the inputs alone."""
    energy = inputs["photon_energy"]
    return {**source(inputs), "photon_energy": energy, "wavelength": srw_words.wavelength(energy) * 1e9}


def source(inputs):
    if inputs["source"] == "bend":
        return {"critical_energy": srw_words.critical_energy(inputs)}
    return {"harmonic_energy": srw_words.harmonic_energy(inputs)}


def spectrum(run):
    inputs = run.inputs
    energies, curves = srw_field.spectrum(inputs)
    head = ",".join(["photon_energy_eV", *curves])
    with open(os.path.join(run.dir, SPECTRUM), "wb") as file:
        np.savetxt(file, np.column_stack([energies, *curves.values()]), "%.9g", ",", header=head, comments="")
    results = source(inputs)
    # of an undulator the whole beam is what one measures
    main = curves.get("whole", curves.get("one"))
    results["peak_energy"] = float(energies[main.argmax()])
    if inputs["collect"] == "slit":
        results["peak_flux"] = float(main.max())
    else:
        results["peak_density"] = float(main.max())
        # (1 mrad at the distance)², in mm²
        results["peak_brightness"] = float(main.max()) * inputs["distance"] ** 2
    conclude(run, results, [])


def picture(run):
    inputs = run.inputs
    if run.model == "intensity":
        inputs = {**inputs, "elements": []}
    kind = srw_field.WHOLE if inputs["beam"] == "whole" else srw_field.ONE
    values, share, cells = srw_field.picture(inputs, srw_field.beam(inputs), kind)
    x, y = srw_field.picture_axes(inputs)
    np.savez(os.path.join(run.dir, PICTURE), x=x, y=y, intensity=values)
    found = srw_pictures.measure(x, y, values)
    warnings = srw_words.warnings(inputs, {**found, "share": share}, cells)
    conclude(run, {**light(inputs), **found}, warnings)


def electrons(run):
    srw_electrons.run_all(run)


def conclude(run, results, warnings):
    with open(os.path.join(run.dir, SUMMARY), "w", encoding="utf-8") as file:
        json.dump({"results": results, "warnings": warnings}, file)


def finish(run):
    if run.exit_code != 0 or run.signal:
        return srw_mpi.failure(run)
    if run.model == "electrons":
        return of_electrons(run)
    with open(os.path.join(run.dir, SUMMARY), encoding="utf-8") as file:
        return json.load(file)


def of_electrons(run):
    total = srw_electrons.load(run)
    x, y = srw_field.picture_axes(run.inputs)
    found = srw_pictures.measure(x, y, total.mean())
    results = {**light(run.inputs), **found, "electrons": total.done, "uncertainty": total.uncertainty() * 100}
    share = float(total.light[0] / total.light[1]) if run.inputs["elements"] and total.light[1] > 0 else None
    warnings = srw_words.warnings(run.inputs, {**found, "share": share}) + srw_words.same_electrons(run.inputs)
    return {"results": results, "warnings": warnings + srw_words.idle_apertures(run.inputs)}


def report(run, name, frame):
    if name == "spectrum":
        return report_spectrum(run)
    if name == "convergence":
        rows = srw_electrons.convergence(run)
        if not rows:
            raise ValueError("There is no frame yet: the first electrons are on their way.")
        return srw_pictures.converging(rows)
    x, y, values, title, top = kept(run, frame)
    return srw_pictures.heat(x, y, values, title, top) if name != "cuts" else srw_pictures.cuts(x, y, values, title)


def report_spectrum(run):
    path = os.path.join(run.dir, SPECTRUM)
    try:
        with open(path, encoding="ascii") as file:
            names = file.readline().strip().split(",")[1:]
            table = np.loadtxt(file, delimiter=",", ndmin=2)
    except FileNotFoundError:
        raise ValueError("There is no spectrum yet.") from None
    inputs = run.inputs
    if inputs["source"] == "bend":
        marks = [(srw_words.critical_energy(inputs), "critical")]
    else:
        first = srw_words.harmonic_energy(inputs)
        marks = [(number * first, str(number)) for number in range(1, 16, 2)]
    marks = [mark for mark in marks if table[0, 0] <= mark[0] <= table[-1, 0]]
    curves = dict(zip(names, table[:, 1:].T, strict=True))
    return srw_pictures.spectrum(table[:, 0], curves, inputs["collect"] == "slit", marks, inputs["distance"])


def kept(run, frame):
    """(x, y, intensity, title, top of the colours) of a run's picture, or of a frame of it."""
    energy = f"{run.inputs['photon_energy']:,.6g} eV"
    if run.model != "electrons":
        try:
            with np.load(os.path.join(run.dir, PICTURE), allow_pickle=False) as file:
                return file["x"], file["y"], file["intensity"], f"Intensity at {energy}", None
        except FileNotFoundError:
            raise ValueError("There is no picture yet.") from None
    have = srw_electrons.convergence(run)
    number = len(have) - 1 if frame < 0 else frame
    if not 0 <= number < len(have):
        raise ValueError(
            f"There is no frame {number + 1} yet: {len(have)} have been written." if have else "There is no frame yet."
        )
    values = np.load(srw_electrons.frame_path(run.dir, number), allow_pickle=False)
    x, y = srw_field.picture_axes(run.inputs)
    # the first frame is the sharpest, and its peak holds for all of them
    return x, y, values, f"Mean of {have[number][0]:,} electrons at {energy}", max(row[1] for row in have[:1])
