"""Job cmd, code lammps: what LAMMPS said, read from its output: errors and warnings in its own words, each with the line of the
script that it belongs to, and the next step. Text in, data out.

LAMMPS is started so that it echoes the script's lines as it executes them (unless the script says `echo none`): the last echoed
line before a message is the place. Without the echo its "Last input line" is looked for in the scripts.
"""

import os
import re
from typing import NamedTuple


class Message(NamedTuple):
    """What LAMMPS said; `kind` is error or warning; `file` is "" and `line` 0 where they are not known."""

    kind: str
    words: str
    file: str
    line: int
    text: str


MESSAGE = re.compile(r"^(ERROR|WARNING)(?: on proc \d+)?: (.*)$")
#: Where in LAMMPS' own source it was said: the end of the words.
SOURCE = re.compile(r"\s*\(\S*src/\S+:\d+\)\s*$")
MORE = re.compile(r"^For more information see https?://\S+")
LAST = re.compile(r"^Last input line: (.*)$")
#: So many lines belong to a message that has no end in sight.
LONGEST = 8
MAX_WARNINGS = 20
MAX_SOURCE = 16 << 20


def squeeze(text):
    return " ".join(text.split())


def logical_lines(text):
    """(number, line) of the script's commands as LAMMPS reads them: lines that end with & go on in the next."""
    found, begun, number = [], "", 0
    for count, line in enumerate(text.splitlines(), 1):
        number = number if begun else count
        begun += line.rstrip()
        if begun.endswith("&"):
            begun = begun[:-1]
            continue
        found.append((number, squeeze(begun)))
        begun = ""
    if begun:
        found.append((number, squeeze(begun)))
    return found


class Place:
    """Where in the script LAMMPS is, by the lines that it echoes: a stack of files, each with the line that comes next."""

    def __init__(self, folder, script):
        self.folder = folder
        self.sources = {}
        self.stack = []
        self.last = None
        self.silent = False
        self.enter(script)

    def enter(self, name):
        path = os.path.realpath(os.path.join(self.folder, name))
        if path not in self.sources:
            lines = []
            # a script may include a file from anywhere, but only what is the run's own is read here
            if (
                path.startswith(os.path.realpath(self.folder) + os.sep)
                and os.path.isfile(path)
                and os.path.getsize(path) <= MAX_SOURCE
            ):
                with open(path, encoding="utf-8", errors="replace") as file:
                    lines = logical_lines(file.read())
            places = {}
            for index, (_, line) in enumerate(lines):
                places.setdefault(line, []).append(index)
            self.sources[path] = (lines, places)
        self.stack.append([name, path, 0])

    def follow(self, line):
        """Take in one line of output, which may be an echo."""
        line = squeeze(line)
        if not line:
            return
        for depth in range(len(self.stack) - 1, -1, -1):
            name, path, ahead = self.stack[depth]
            lines, places = self.sources[path]
            all_of_it = places.get(line, ())
            index = next((n for n in all_of_it if n >= ahead), all_of_it[0] if all_of_it and self.jumped() else None)
            if index is None:
                continue
            del self.stack[depth + 1 :]
            self.stack[depth][2] = index + 1
            self.last = (name, lines[index][0], line)
            words = line.split()
            if words[0] == "include" and len(words) > 1:
                self.enter(words[1].strip("\"'"))
            elif words[0] == "echo" and len(words) > 1:
                self.silent = words[1] in {"none", "log"}
            return

    def jumped(self):
        """Whether the script may have gone back: what it executed last was a jump, or an if that may hold one."""
        return self.last is not None and self.last[2].split()[0] in {"jump", "if", "next"}

    def now(self):
        return ("", 0, "") if self.silent or self.last is None else self.last

    def find(self, line):
        """The only place of that line in all files so far, else none."""
        line = squeeze(line)
        found = [
            (os.path.basename(path), lines[index][0], line)
            for path, (lines, places) in self.sources.items()
            for index in places.get(line, ())
        ]
        return found[0] if len(found) == 1 else ("", 0, "")


def read(log, place):
    """The messages in the text of a log, in order; `place` stands afterwards where LAMMPS was last."""
    found, lines, index = [], log.splitlines(), 0
    while index < len(lines):
        said = MESSAGE.match(lines[index])
        index += 1
        if not said:
            last = LAST.match(lines[index - 1])
            if last and found and not found[-1].line:
                found[-1] = found[-1]._replace(**dict(zip(("file", "line", "text"), place.find(last[1]), strict=True)))
            elif not last:
                place.follow(lines[index - 1])
            continue
        words = [said[2]]
        while not SOURCE.search(words[-1]) and not MORE.match(words[-1]) and len(words) < LONGEST and index < len(lines):
            if MESSAGE.match(lines[index]):
                break
            words.append(lines[index])
            index += 1
        ended = SOURCE.search(words[-1]) or MORE.match(words[-1])
        words = words if ended else words[:1]  # what follows was something else
        text = squeeze(" ".join(SOURCE.sub("", MORE.sub("", one)) for one in words))
        found.append(Message(said[1].lower(), text, *place.now()))
    return found


def where(message):
    """The place of a message for people: " (in.melt, line 5: run 100)", or "" where it is not known."""
    if not message.line:
        return ""
    text = message.text if len(message.text) <= 80 else message.text[:79] + "…"
    return f" ({message.file}, line {message.line}: {text})"


def warnings(messages):
    """The warnings as sentences, each once, with how often it came; at most MAX_WARNINGS."""
    counts = {}
    for message in messages:
        if message.kind == "warning":
            counts.setdefault(message.words, [0, message])[0] += 1
    said = []
    for words, (count, message) in counts.items():
        times = f" [{count} times]" if count > 1 else ""
        said.append(f"LAMMPS warning: {words}{where(message)}{times}"[:300])
    if len(said) > MAX_WARNINGS:
        said[MAX_WARNINGS - 1 :] = [f"… and {len(said) - MAX_WARNINGS + 1} more kinds of warnings: see the log."]
    return said


def reason(messages, files, potentials=()):
    """Why LAMMPS gave up, in its words, with the place and the next step; "" if it said nothing. `files` are those of the run,
    `potentials` the names of those that come with LAMMPS."""
    errors = [one for one in messages if one.kind == "error"]
    if not errors:
        return ""
    message = errors[0]  # what comes after it are other tasks' words for the same
    step = advice(message, files, potentials)
    return f"LAMMPS: {message.words.rstrip('.')}{where(message)}.{' ' + step if step else ''}"


def while_running(message):
    """Whether it was said of atoms that moved, and not of what the script says."""
    return message.text.split()[:1] in (["run"], ["minimize"]) and re.search(FLEW, message.words, re.IGNORECASE) is not None


FLEW = r"lost atoms|non-numeric|out of range atoms|bond atoms? .*missing|atoms missing|too many neighbor bins|\bnan\b"
MISSING = re.compile(r"cannot open (?:file|input script|restart file|.*?potential file|.*?file) (\S+?)(?:: .*)?$", re.IGNORECASE)


def advice(message, files, potentials):
    """What to do about it, where that is known."""
    missing = MISSING.match(message.words)
    if missing:
        return missing_file(missing[1].rstrip(":"), files, potentials)
    for pattern, step in ADVICE:
        if re.search(pattern, message.words, re.IGNORECASE):
            return step
    return ""


def missing_file(name, files, potentials):
    base = os.path.basename(name)
    alike = [one for one in files if one.lower() == base.lower()]
    if base in files:
        return f"The run has a file {base}, but the script looks for it in a folder: write {base} alone."
    if alike:
        return f"The run has {alike[0]}: LAMMPS tells capital from small letters, so rename the file or correct the script."
    near = [one for one in potentials if one.lower() == base.lower()]
    if near:
        return f"LAMMPS comes with {near[0]}: write its name so."
    have = ", ".join(sorted(files)[:10]) or "none"
    return f"{base} is not among the run's files ({have}). Add it to the simulation and run again."


ADVICE = (
    (r"^unknown command", "Look for a misspelt command, or a line before it that should end with &."),
    (
        r"is part of the \S+ package which is not enabled",
        "The LAMMPS that runs here was made without that package. Use the style without its ending (/gpu, /kk, /intel) if it has one.",
    ),
    (r"^unrecognized \S+ style", "Look for a misspelt name of a style."),
    (r"^unknown .* style", "Look for a misspelt name of a style."),
    (
        FLEW,
        "Atoms moved too far in a step: they overlap, or are too fast for the time step. Shorten it, or minimize before the first run.",
    ),
    (r"masses are set", "Add a mass command for each type of atom, or a Masses section to the data file."),
    (r"pair coeffs are not set", "Add a pair_coeff command for each pair of types; pair_coeff * * holds for all."),
    (r"substitution for illegal variable", "Define it with a variable command on a line before; it was not among those so far."),
    (r"variable name .* does not exist|invalid variable", "Look for a misspelt name, or a variable that is defined only later."),
    (r"before simulation box is defined", "Put it after create_box, read_data or read_restart."),
    (r"missing argument", "LAMMPS' manual has a page for each command, with the arguments in their order."),
    (r"unmatched .*quote", "Close the quote on the same line, or end the line with &."),
    (r"expected .* parameter instead of", "There must be a number in its place."),
    (r"index .* is out of bounds", "There are fewer types than it names: create_box or the data file says how many."),
    (
        r"did not assign all atoms correctly",
        "Atoms of the data file lie outside of its box: correct the box or their coordinates.",
    ),
)


STEPS = re.compile(r"\s*(\d+)\s*$")
#: Commands after which nobody can say from the text alone how many steps there will be.
UNSURE = {"jump", "next", "label", "if", "rerun", "temper", "tad", "prd", "hyper", "neb", "python", "partition"}


def total_steps(folder, script, depth=0):
    """All steps that the script will run, None where that cannot be known from its text: it goes round in loops, or takes
    its numbers from where they are not written."""
    path = os.path.realpath(os.path.join(folder, script))
    if depth > 10 or not path.startswith(os.path.realpath(folder) + os.sep) or not os.path.isfile(path):
        return None
    if os.path.getsize(path) > MAX_SOURCE:
        return None
    with open(path, encoding="utf-8", errors="replace") as file:
        lines = logical_lines(file.read())
    known, at = {}, 0
    for _, line in lines:
        words = line.partition("#")[0].split()
        if not words:
            continue
        if words[0] == "include":
            inside = total_steps(folder, words[1].strip("\"'") if len(words) > 1 else "", depth + 1)
            if inside is None:
                return None
            at += inside
        elif words[0] == "variable" and len(words) == 4 and words[2] in {"equal", "index", "string", "internal"}:
            known[words[1]] = words[3]
        elif words[0] in UNSURE or (words[0] == "fix" and len(words) > 3 and words[3] == "halt"):
            return None
        elif words[0] == "run":
            wanted = number_of(words[1], known) if len(words) > 1 else None
            if wanted is None or "upto" in words:
                return None
            at += wanted
    return at


def number_of(word, known):
    """The whole number that a word stands for; None where it is not one."""
    named = re.fullmatch(r"\$\{(\w+)\}|\$(\w)|\$\((?:v_)(\w+)\)|v_(\w+)", word)
    found = STEPS.match(known.get(next(one for one in named.groups() if one), "") if named else word)
    return int(found[1]) if found else None
