"""Job cmd, code xsuite: what MAD-X and Xsuite say, in words for who runs them. Needs neither of them."""

import math
import re

#: A message of MAD-X's.
MESSAGE = re.compile(r"^(\+=\+=\+= fatal|\+-\+-\+- fatal|\+\+\+\+\+\+ [Ee]rror|\+\+\+\+\+\+ warning): *(.*?)\s*$")
#: What stands in its output beside messages and echoed statements.
NOISE = re.compile(r"^(\+{6}|\+=|\+-|\s|enter |START|Number of|Global |call:|\||$)")
MAX_WARNINGS = 12
MAX_WORDS = 300
#: Who has no cavity is told by Xsuite's own words.
STABLE = 1.0


def messages(output):
    """Rows of kind ("fatal", "error", "warning"), words, and the statement that was echoed before."""
    found, statement = [], ""
    for line in output.splitlines():
        match = MESSAGE.match(line)
        if match:
            kind = next(one for one in ("fatal", "error", "warning") if one in match[1].lower())
            found.append((kind, " ".join(match[2].split()), statement))
        elif line.rstrip().endswith(";") and not NOISE.match(line):
            statement = line.strip()
    return found


def of_madx(output, status, name, files):
    """Why MAD-X could not read the lattice: `status` is its exit status, negative for a signal."""
    told = messages(output)
    worst = [one for one in told if one[0] == "fatal"] or [one for one in told if one[0] == "error"]
    worst = worst or [one for one in told if one[0] == "warning"][-1:]
    if not worst:
        ended = f"was ended by signal {-status}" if status < 0 else f"ended with exit status {status}"
        return f"MAD-X could not read {name}: it {ended}. The log has its last words."
    _, words, statement = worst[0]
    said = f"MAD-X could not read {name}: {words}" + (f" (after: {short(statement, 100)})" if statement else "")
    missing = re.search(r"cannot open input file: *(\S+)", words)
    if missing:
        have = ", ".join(sorted(files)) or "none"
        said += f". It calls a file that is not among the run's files ({have}): add it, and call it by its name alone."
    return said if said.endswith(".") else said + "."


def warnings(output):
    """MAD-X's warnings, each once, with how often it came."""
    counts = {}
    for kind, words, _ in messages(output):
        if kind != "fatal":
            counts[words] = counts.get(words, 0) + 1
    said = [f"MAD-X: {short(words)}" + (f" [{number} times]" if number > 1 else "") for words, number in counts.items()]
    if len(said) > MAX_WARNINGS:
        said = [*said[: MAX_WARNINGS - 1], f"MAD-X: {len(said) - MAX_WARNINGS + 1} more kinds of warnings, in the log"]
    return said


def short(words, most=MAX_WORDS):
    """One line, not too long."""
    words = " ".join(str(words).split())
    return words if len(words) <= most else words[: most - 1] + "…"


def unstable(cosines, how, error):
    """Why there is no periodic optics; `cosines` are cos µ of both planes, NaN where not even one turn is survived."""
    if any(math.isnan(one) for one in cosines):
        return (
            "The lattice has no stable optics: a particle 1 nm from the axis is lost within one turn. Look at the apertures and "
            "at the strengths of its magnets."
        )
    bad = [f"cos µ{plane} = {one:.4g}" for plane, one in zip("xy", cosines, strict=True) if abs(one) >= STABLE]
    if bad:
        return (
            f"The lattice has no stable optics: {' and '.join(bad)}, which must lie between −1 and 1 (half the trace of the matrix of "
            "one turn). Lower the strengths of the quadrupoles that focus too much; a transfer line that is no ring has no periodic optics."
        )
    hint = (
        " Is the cavity's lag right for this energy? Without cavities the optics can be had all the same." if how == "6d" else ""
    )
    return f"Xsuite found no periodic optics ({how}): {short(error) or type(error).__name__}.{hint}"


def no_kernel():
    """The exception that Xsuite raises where it has no compiled kernel for a lattice."""
    from xsuite import PrebuiltKernelNotFoundError

    return PrebuiltKernelNotFoundError


def kernel(error):
    return (
        f"The lattice has a kind of element for which Xsuite brings no compiled kernel, and none is compiled here: {short(error)}"
    )


def too_many(particles, need, memory):
    """In words, how many particles fit; `need` and `memory` are bytes."""
    fit = int(particles * memory / need)
    return (
        f"{particles:,} particles need about {need >> 20:,} MiB, the run has {memory >> 20:,} MiB. "
        f"Give it more memory, or take at most {max(fit, 1):,} particles."
    )
