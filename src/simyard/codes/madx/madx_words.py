"""Job cmd, code madx: what MAD-X said, read from its output: errors and warnings in its own words, each with the line of
the job that it belongs to. Text in, data out.

MAD-X echoes a job's lines as it reads them (unless the job says `option, -echo`), so the last echoed line before a message
is the place. Without the echo no place is claimed.
"""

import os
import re
import time
from typing import NamedTuple


class Message(NamedTuple):
    """What MAD-X said; `kind` is fatal, error or warning; `file` is "" and `line` 0 where they are not known."""

    kind: str
    words: str
    file: str
    line: int
    text: str


MESSAGE = re.compile(r"^\s*\+[-+=]{2,}\s*(fatal|error|warning)\b\s*:?\s*(.*)$", re.IGNORECASE)
MATCHING = re.compile(r"^\s*\+{6,}\s*((?:LMDIF|MIGRAD|SIMPLEX|JACOBIAN)\b.*\bended: (?!converged).*)$", re.IGNORECASE)
CALL = re.compile(r"""^\s*call\s*,\s*file\s*=\s*(?:"([^"]*)"|'([^']*)'|([^\s,;]+))""", re.IGNORECASE)
ECHO = re.compile(r"\boption\b[^;]*?(-?)\s*\becho\b(?:\s*=\s*(true|false))?", re.IGNORECASE)
#: Not worth a user's time, or said again in better words by another line.
DULL = re.compile(r"seterrorflag : Errorcode|MAD-X continues$|called with unknown aperture type", re.IGNORECASE)
#: What MAD-X adds around the words that matter.
WRAPPING = re.compile(r"^seterrorflag : Description:\s*|\s*More information with the debug flag on\.?\s*$", re.IGNORECASE)
#: What is said without the usual mark, and how bad it is.
UNMARKED = (
    ("fatal", re.compile(r"^(Fortran runtime error: .*)$")),
    ("fatal", re.compile(r"^\+\+\+ (.*), fatal \+\+\+$")),
    ("error", re.compile(r"^\s*(Singular matrix occurred during closed orbit search\.?)\s*$")),
)
MAX_WARNINGS = 20
#: Stands in the log where the job has ended and Simyard's own statements begin: what follows belongs to no line of the job.
JOB_ENDED = "Simyard: the job has ended."
MAX_SOURCE = 16 << 20


def read(log, folder, job):
    """The messages in the text of a log, in order. `folder` is where the job and the files that it calls are."""
    return follow(log, Place(folder, job))


def follow(log, place):
    """As `read`; `place` stands afterwards where MAD-X was last."""
    found = []
    for line in log.splitlines():
        kind, words = told(line)
        if words:
            found.append(Message(kind, words, *place.now()))
        elif not kind:
            place.follow(line)
    return found


def told(line):
    """(kind, words) of a line that is a message; the words of a dull one are ""; ("", "") for any other line."""
    match = MESSAGE.match(line)
    if match:
        return match[1].lower(), "" if DULL.search(match[2]) else squeeze(WRAPPING.sub("", match[2]))
    match = MATCHING.match(line)
    if match:
        return "warning", "Matching: " + squeeze(match[1])
    for kind, pattern in UNMARKED:
        match = pattern.match(line)
        if match:
            return kind, squeeze(match[1])
    return "", ""


def dated(greeting, now):
    """What MAD-X (bytes) says at its start, as it says it at that time: MAD-X may have been started days before the run."""
    date = time.strftime("%Y.%m.%d %H:%M:%S", now).encode("ascii")
    return re.sub(rb"(Execution date: )[\d.]+ [\d:]+", lambda match: match[1] + date, greeting)


def squeeze(text):
    return " ".join(text.split())


class Place:
    """Where in the job MAD-X is, by the lines that it echoes: a stack of files, each with the line that comes next."""

    def __init__(self, folder, job):
        self.folder = folder
        self.stack = []
        self.last = None
        self.silent = False
        self.sources = {}
        self.enter(job)

    def enter(self, name):
        path = os.path.realpath(os.path.join(self.folder, name))
        if path not in self.sources:
            lines = []
            # a job may call a file from anywhere, but only what is the run's own is read here
            if (
                path.startswith(os.path.realpath(self.folder) + os.sep)
                and os.path.isfile(path)
                and os.path.getsize(path) <= MAX_SOURCE
            ):
                with open(path, encoding="utf-8", errors="replace") as file:
                    lines = [squeeze(line) for line in file]
            numbers = {}
            for number, line in enumerate(lines):
                numbers.setdefault(line, []).append(number)
            self.sources[path] = (lines, numbers)
        self.stack.append([name, path, 0])

    def follow(self, line):
        """Take in one line of output, which may be an echo."""
        line = squeeze(line)
        if not line:
            return
        if line == JOB_ENDED:
            self.last, self.stack = None, []
        for depth in range(len(self.stack) - 1, -1, -1):
            name, path, ahead = self.stack[depth]
            number = next((n for n in self.sources[path][1].get(line, ()) if n >= ahead), None)
            if number is None:
                continue
            del self.stack[depth + 1 :]
            self.stack[depth][2] = number + 1
            self.last = (name, number + 1, line)
            called = CALL.match(line)
            if called:
                self.enter(next(group for group in called.groups() if group))
            echo = ECHO.search(line)
            if echo:
                self.silent = echo[1] == "-" or echo[2] == "false"
            return

    def now(self):
        return ("", 0, "") if self.silent or self.last is None else self.last


def where(message):
    """The place of a message for people: " (ring.madx, line 5: twiss;)", or "" where it is not known."""
    if not message.line:
        return ""
    text = message.text if len(message.text) <= 80 else message.text[:79] + "…"
    return f" ({message.file}, line {message.line}: {text})"


def warnings(messages):
    """The warnings as sentences, each once, with how often it came; at most MAX_WARNINGS."""
    counts = {}
    for message in messages:
        if message.kind != "fatal":
            counts.setdefault((message.kind, message.words), [0, message])[0] += 1
    said = []
    for (kind, words), (count, message) in counts.items():
        times = f" [{count} times]" if count > 1 else ""
        said.append(f"MAD-X {kind}: {words}{where(message)}{times}")
    if len(said) > MAX_WARNINGS:
        said[MAX_WARNINGS - 1 :] = [f"… and {len(said) - MAX_WARNINGS + 1} more kinds of warnings: see the log."]
    return said


def reason(messages, files):
    """Why MAD-X gave up, in its words, with the place and the next step; "" if it said nothing. `files` are those of the run."""
    fatal = [m for m in messages if m.kind == "fatal"]
    last = fatal[-1:] or [m for m in messages if m.kind == "error"][-1:] or messages[-1:]
    if not last:
        return ""
    message = last[0]
    words = message.words
    causes = [m.words for m in messages if re.search("unstable|singular", m.words, re.IGNORECASE) and "might be" not in m.words]
    if not fatal and causes and causes[-1] != words:
        words = f"{words}: {causes[-1]}"
    step = advice(words, files)
    return f"MAD-X: {words.rstrip('.')}{where(message)}.{' ' + step if step else ''}"


def advice(words, files):
    """What to do about it, where that is known."""
    missing = re.search(r"cannot open input file:\s*(.*)$", words)
    if missing:
        return missing_file(missing[1].strip().strip("\"'"), files)
    for pattern, step in ADVICE:
        if re.search(pattern, words, re.IGNORECASE):
            return step
    return ""


def missing_file(name, files):
    base = os.path.basename(name)
    alike = [one for one in files if one.lower() == base.lower()]
    if base in files:
        return f'The run has a file {base}, but the job calls it in a folder: write call, file="{base}" instead.'
    if alike:
        return f"The run has {alike[0]}: MAD-X tells capital from small letters, so rename the file or correct the call."
    have = ", ".join(sorted(files)[:10]) or "none"
    return f"The job calls {base}, which is not among the run's files ({have}). Add it to the simulation and run again."


ADVICE = (
    (
        r"unstable",
        "The machine is unstable there: |trace| of the one-turn matrix is above 2, so there is no closed optics. Change the focusing.",
    ),
    (r"singular matrix", "There is no closed orbit: the tune is an integer, or the machine is far from stable. Change the focusing."),
    (r"memory access outside", "That is a fault inside MAD-X, not in Simyard; the statement named here set it off."),
    (r"illegal format near", "Look for a missing semicolon or comma at that place, or on the line before it."),
    (r"sequence without beam", "Put a beam statement before the use statement."),
    (r"unknown class type", "Look for a misspelt element class, or an element that is used before it is defined."),
    (r"negative drift", "Two elements overlap: check their positions and lengths."),
    (r"unknown sequence|sequence not active|no active sequence", "Check the name in the use statement, and that the file that defines the sequence is called."),
    (r"orbit.*(not converge|fail)|closed orbit", "MAD-X found no closed orbit: check strengths, misalignments and the energy."),
)  # fmt: skip


def unfinished(text):
    """The line where a job's last statement begins that has no semicolon, 0 if all are finished: MAD-X ignores such a one silently."""
    quote, begins, position, line = "", 0, 0, 1
    while position < len(text):
        letter = text[position]
        if letter == "\n":
            line += 1
        elif quote:
            quote = "" if letter == quote else quote
        elif letter == "!" or text.startswith("//", position):
            position = text.find("\n", position)
            if position < 0:
                break
            continue
        elif text.startswith("/*", position):
            end = text.find("*/", position)
            if end < 0:
                break
            line += text.count("\n", position, end)
            position = end + 1
        elif letter in "\"'":
            quote, begins = letter, begins or line
        elif letter in ";{}":
            begins = 0
        elif not letter.isspace() and not begins:
            begins = line
        position += 1
    return begins
