# -*- coding: utf-8 -*-
"""Job cmd, code ising: an old script, run as it is, under the Python 2.7 that it was written for."""
import array
import os
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
PARAMETERS, TABLE, SPINS = "ising.par", "magnetization.dat", "spins."
GRID = "rgba(128,128,128,0.25)"


def prepare(run):
    with open(PARAMETERS, "w") as par:
        print >>par, "# model", run.model
        for key, name in (("L", "size"), ("T", "temperature"), ("sweeps", "sweeps"), ("every", "every"), ("seed", "seed")):
            print >>par, key, "=", repr(run.inputs[name])
    return [sys.executable, os.path.join(HERE, "ising.py"), PARAMETERS]


def rows():
    """Sweep, energy and magnetization of each line that is whole."""
    if not os.path.exists(TABLE):
        return []
    with open(TABLE) as table:
        return [map(float, line.split()) for line in table if line.endswith("\n")]


def snapshots():
    return sorted(name for name in os.listdir(".") if name.startswith(SPINS) and name[len(SPINS):].isdigit())


def progress(run):
    done = rows()
    if not done:
        return {}
    sweep, energy, magnetization = done[-1]
    words = u"sweep %d of %d, ⟨m⟩ = %.3f" % (sweep, run.inputs["sweeps"], magnetization)
    return {"fraction": sweep / run.inputs["sweeps"], "frames": len(snapshots()), "message": words}


def finish(run):
    if run.exit_code:
        with open(os.path.join(run.run_dir, "run.log")) as log:
            said = [line for line in log if line.startswith("*** ISING:")]
        return {"reason": said[-1].split(":", 1)[1].strip(), "cause": "input"} if said else None
    half = rows()[-(len(rows()) + 1) / 2:]  # the first half is on its way to equilibrium
    mean = lambda values: sum(values) / len(values)
    return {"results": {"energy": mean([row[1] for row in half]), "magnetization": abs(mean([row[2] for row in half]))}}


def report(run, name, frame):
    return spins(run, frame) if name == "spins" else curves(run)


def curves(run):
    done = rows()
    if not done:
        raise ValueError("There is no snapshot yet.")
    sweep, energy, magnetization = [array.array("d", column) for column in zip(*done)]
    return {
        "data": [
            {"type": "scatter", "mode": "lines", "name": "magnetization", "x": sweep, "y": magnetization, "line": {"color": "#1f83c6"}},
            {"type": "scatter", "mode": "lines", "name": "energy", "x": sweep, "y": energy, "line": {"color": "#e69f00"}},
        ],
        "layout": {
            "title": {"text": u"Energy and magnetization at T = %g J/k" % run.inputs["temperature"]},
            "xaxis": {"title": {"text": "sweep"}, "gridcolor": GRID},
            "yaxis": {"title": {"text": u"energy [J], magnetization"}, "gridcolor": GRID},
            "legend": {"orientation": "h", "x": 0.5, "xanchor": "center", "y": -0.2, "yanchor": "top"},
            "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)",
        },
    }


def spins(run, frame):
    have = snapshots()
    if not have or frame >= len(have):
        raise ValueError("There is no snapshot %d yet: there are %d." % (frame + 1, len(have)))
    with open(have[frame]) as lattice:
        z = [[1 if spin == "+" else -1 for spin in line.strip()] for line in lattice]
    frame = frame if frame >= 0 else len(have) - 1
    plain = {"showgrid": False, "zeroline": False, "constrain": "domain"}
    return {
        "data": [{"type": "heatmap", "z": z, "zmin": -1, "zmax": 1, "showscale": False,
                  "colorscale": [[0, "#0b3558"], [1, "#fff3d0"]]}],
        "layout": {"title": {"text": u"Spins after %d sweeps at T = %g J/k" % ((frame + 1) * run.inputs["every"], run.inputs["temperature"])},
                   "xaxis": dict(plain, title={"text": "x [spins]"}), "yaxis": dict(plain, title={"text": "y [spins]"}, scaleanchor="x"),
                   "paper_bgcolor": "rgba(0,0,0,0)", "plot_bgcolor": "rgba(0,0,0,0)"},
    }
