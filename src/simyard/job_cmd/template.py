# -*- coding: utf-8 -*-
"""Job cmd, stop 5: a code that has no code.py, only a code.toml: input from templates, a command, progress and results from patterns.

runner.py loads it, by `load`, in place of a code.py; codes/program_toml.py checks with it (`holes`, `wrong_format`) what a code.toml
says. Nothing of a template is ever executed. Standard library only, Python 2.7 and 3.6+. Keys: docs/reference/code-toml.md.
"""
from __future__ import unicode_literals

import io
import os
import re

PY2 = str is bytes
CODE, LOG, EVENTS = "code.toml", "run.log", "events.jsonl"
#: What stands for something else than an input, and the types of that: the code's folder, the cores of the run, the model's name.
OWN = {"code": "string", "cores": "integer", "model": "string"}
#: `${name}` or `${name:format}`; `$${` is a plain `${`.
HOLE = re.compile(r"\$\$\{|\$\{([^{}\n]*)\}|\$\{")
NAMED = re.compile(r"\s*([a-z][a-z0-9_]{0,39})\s*(?::(.*))?\Z")
#: The formats that a type of input can have, and what one looks like. Widths are bounded: nobody fills a disk by one.
FORMATS = {
    "integer": (re.compile(r"%[-+ 0]*\d{0,2}[diuxXo]\Z|%[-+ 0]*\d{0,2}(\.\d{1,2})?[eEfFgG]\Z"), "%6d"),
    "number": (re.compile(r"%[-+ 0]*\d{0,2}(\.\d{1,2})?[eEfFgG]\Z"), "%12.6e"),
    "boolean": (re.compile(r"[^|]*\|[^|]*\Z"), ".true.|.false."),
    "table": (re.compile(r"count\Z"), "count"),
}
WORDS = (re.compile(r"%-?\d{0,3}s\Z"), "%-20s")
#: So much of a log's end is read for the progress, and for results and errors (bytes).
NEAR, FAR = 64 << 10, 1 << 20


class TemplateError(ValueError):
    """A template cannot be what it is; `line` counts from 1."""

    def __init__(self, line, words):
        ValueError.__init__(self, words)
        self.line, self.words = line, words


def holes(text):
    """(line, name, format) of each place of a template that is filled in. Raises TemplateError."""
    for found in HOLE.finditer(text):
        if found.group() != "$${":
            yield hole(text, found)


def hole(text, found):
    line = text.count("\n", 0, found.start()) + 1
    if found.group(1) is None:
        raise TemplateError(line, "'${' is not closed; write ${name}, or $${ for the characters themselves")
    named = NAMED.match(found.group(1))
    if not named:
        raise TemplateError(line, "'%s' is not a name of an input; write ${name} or ${name:format}" % found.group())
    return line, named.group(1), named.group(2) or ""


def wrong_format(kind, form):
    """What is wrong with a format for an input of this type; "" where nothing is."""
    pattern, like = FORMATS.get(kind, WORDS)
    if not form or pattern.match(form):
        return ""
    return "'%s' is not a format for an input of type %s; write one like '%s', or none" % (form, kind, like)


def fill(text, values, kinds):
    """A template with `values` filled in; `kinds` are the types of the inputs. One pass: what is filled in is not looked at again.
    Raises TemplateError."""

    def one(found):
        if found.group() == "$${":
            return "${"
        line, name, form = hole(text, found)
        if name not in values:
            raise TemplateError(line, "there is no input called '%s'" % name)
        wrong = wrong_format(kinds.get(name, ""), form)
        if wrong:
            raise TemplateError(line, wrong)
        return shown(values[name], kinds.get(name, ""), form)

    return HOLE.sub(one, text)


def shown(value, kind, form=""):
    """A value as it stands in an input: a number with all its digits. That of a table is (number of its rows, their text)."""
    if kind == "table":
        return "%d" % value[0] if form else value[1]
    if isinstance(value, bool):
        yes, no = form.split("|") if form else ("true", "false")
        return yes if value else no
    if form:
        return form % value
    return value if isinstance(value, type("")) else ("%d" % value if not isinstance(value, float) else repr(value))


def table_text(rows, columns):
    """A line for each row; its columns, in the order of the declaration, with a space between."""
    return "\n".join(" ".join(shown(row[column["name"]], column["type"]) for column in columns) for row in rows)


def number_order(name):
    """What names of files are sorted by, so that frame_10 comes after frame_9."""
    return [(int(part), "") if part.isdigit() else (-1, part) for part in re.split(r"(\d+)", name)]


def path_of(folder, name):
    """A path as this interpreter wants it."""
    return os.path.join(folder, name.encode("utf-8") if PY2 else name)


def unicode_of(path):
    return path.decode("utf-8", "replace") if isinstance(path, bytes) else path


def tail(path, size):
    """The lines at the end of a file; what programs overwrite on a screen, by a carriage return, are lines as well."""
    if not os.path.isfile(path):
        return []  # nor is a FIFO waited for that a program has put there
    try:
        with open(path, "rb") as file:
            file.seek(0, 2)
            file.seek(max(0, file.tell() - size))
            return file.read().decode("utf-8", "replace").replace("\r", "\n").split("\n")
    except EnvironmentError:
        return []


def ended(run):
    """Whether nothing writes there any more."""
    if run.exit_code is not None or run.signal is not None:
        return True
    # in what somebody has said a quote has a backslash before it
    return any('"event":"final"' in line for line in tail(os.path.join(run.run_dir, EVENTS), NEAR)[-2:])


def load(code_dir, toml, tables):
    """The code in `code_dir`, with the functions of a code.py. `toml` is toml_reader.py, `tables` gives tables.py when it is
    wanted. Raises ValueError, EnvironmentError."""
    with io.open(path_of(code_dir, CODE), encoding="utf-8") as file:
        return Code(code_dir, toml.read(file.read())[0], tables)


class Code(object):
    def __init__(self, code_dir, table, tables):
        self.code_dir, self.tables = code_dir, tables
        self.program, self.models = table["program"], table["models"]
        self.reports = table.get("reports", {})
        self.inputs = table.get("inputs", {})
        self.kinds = dict(OWN)
        self.kinds.update((name, one["type"]) for name, one in self.inputs.items())
        self.error = pattern(self.program.get("error"))
        self.results = [(name, pattern(one["pattern"])) for name, one in sorted(table.get("results", {}).items())]
        self.telling = table.get("progress", {})
        self.told = pattern(self.telling.get("pattern"))
        if self.told or any(one.get("frames") for one in self.reports.values()):
            self.progress = self._progress
        if any(one.get("file", "").endswith((".h5", ".hdf5")) for one in self.reports.values()):
            tables().warm()

    # ── what runner.py calls ────────────────────────────────────────────────────────────────────────────────────────

    def prepare(self, run):
        values = dict(run.inputs)
        for name, one in self.inputs.items():
            if one["type"] == "table":
                values[name] = len(values[name]), table_text(values[name], one["columns"])
        values.update(code=unicode_of(self.code_dir), model=run.model, cores=run.cores)
        for name in self.program.get("templates", ()):
            if name in [unicode_of(file) for file in run.files]:
                raise ValueError("One of your files is called %s, as the input that is made of the others: rename it." % name)
            self._write(run, name, values)
        command = [self._filled(CODE + ", program.command", word, values) for word in self.program["command"]]
        own = path_of("", command[0])
        if os.path.dirname(own) and not os.access(own, os.X_OK):
            there = "is no program: give it the right to be executed (chmod +x)" if os.path.exists(own) else "is not there: build it"
            raise ValueError("%s %s, or correct program.command in the code's %s." % (command[0], there, CODE))
        return [unicode_of(word) for word in run.launcher] + command

    def _progress(self, run):
        return dict(self._step(run), **self._frames(run))

    def finish(self, run):
        lines = tail(os.path.join(run.run_dir, LOG), FAR)
        said = last(self.error, lines) if self.error else None
        if said:
            reason = (said.group(1) if said.re.groups and said.group(1) else said.group()).strip()
            # many programs say that they failed by words alone: a cause is enough, whatever the exit status was
            return {"reason": reason, "cause": "" if run.signal else "input"}
        if run.exit_code != 0 or run.signal:
            return None
        results, warnings = {}, []
        for name, wanted in self.results:
            found = last(wanted, lines)
            if found:
                results[name] = number_or_text(found.group(1))
            else:
                warnings.append("Its output does not tell “%s”." % name)
        return {"results": results, "warnings": warnings}

    def report(self, run, name, frame):
        wanted = self.reports.get(unicode_of(name), {})
        if "file" not in wanted:
            raise ValueError("This code has no report called %s." % unicode_of(name))
        path = self._file(run, wanted, frame)
        return self.tables().figure(path, wanted, frame, ended(run))

    # ── what they are made of ───────────────────────────────────────────────────────────────────────────────────────

    def _filled(self, where, text, values):
        try:
            return fill(text, values, self.kinds)
        except TemplateError as error:
            raise ValueError("%s, line %d: %s." % (where, error.line, error.words))

    def _write(self, run, name, values):
        with io.open(path_of(self.code_dir, name), encoding="utf-8", newline="") as file:
            text = self._filled(name, file.read(), values)
        path = path_of(run.dir, name)
        folder = os.path.dirname(path)
        if not os.path.isdir(folder):
            os.makedirs(folder)
        with io.open(path, "w", encoding="utf-8", newline="") as file:
            file.write(text)

    def _step(self, run):
        """How far it says that it is, by the last line that the pattern fits."""
        if not self.told:
            return {}
        name = self.telling.get("file")
        lines = tail(path_of(run.dir, name) if name else os.path.join(run.run_dir, LOG), NEAR)
        if not ended(run) and len(lines) > 1:
            lines.pop()  # it may be half a line
        found = last(self.told, lines)
        if not found:
            return {}
        groups = found.groupdict()
        progress = {"message": (groups.get("message") or found.string).strip()}
        if groups.get("fraction"):
            progress["fraction"] = number(groups["fraction"])
        elif groups.get("percent"):
            progress["fraction"] = number(groups["percent"]) / 100.0
        elif groups.get("step"):
            total = number(groups["total"]) if groups.get("total") else float(run.inputs[self.telling["total"]])
            progress["fraction"] = number(groups["step"]) / total if total > 0 else 0.0
        return progress

    def _frames(self, run):
        """How many frames are whole. The newest file is, once there is a newer one, or nobody writes any more."""
        wanted = [self.reports[name] for name in self.models[run.model].get("reports", ()) if self.reports[name].get("frames")]
        counts = []
        for one in wanted:
            if "*" in one["file"]:
                counts.append(max(0, len(self._matching(run, one["file"])) - (0 if ended(run) else 1)))
            elif ended(run) and os.path.exists(path_of(run.dir, one["file"])):
                counts.append(self.tables().frames(path_of(run.dir, one["file"]), one["z"]))
        return {"frames": min(counts)} if counts and len(counts) == len(wanted) else {}

    def _matching(self, run, name):
        """The files that a name with a `*` in it means, in order."""
        folder, name = os.path.split(name)
        whole = re.compile(".*".join(re.escape(part) for part in name.split("*")) + r"\Z")
        try:
            found = [unicode_of(one) for one in os.listdir(path_of(run.dir, folder))]
        except OSError:
            found = []
        return [os.path.join(folder, one) for one in sorted(filter(whole.match, found), key=number_order)]

    def _file(self, run, wanted, frame):
        name = wanted["file"]
        if "*" in name:
            found = self._matching(run, name)
            if frame >= len(found) or not found:
                raise ValueError("There is no frame %d yet: there are %d files %s." % (frame + 1, len(found), name))
            name = found[frame]
        path = path_of(run.dir, name)
        if not os.path.isfile(path):
            raise ValueError("%s is not there: the program has not written it%s." % (name, "" if ended(run) else " yet"))
        return path


def pattern(words):
    return re.compile(words, re.UNICODE) if words else None


def last(wanted, lines):
    """What the pattern finds in the last line in which it finds anything."""
    for line in reversed(lines):
        found = wanted.search(line)
        if found:
            return found
    return None


def number(text):
    """A number as programs write it: Fortran's 1.5D+03 as well."""
    return float(re.sub("[dD]", "e", text))


def number_or_text(text):
    try:
        value = number(text)
    except ValueError:
        return text.strip()
    return int(value) if re.match(r"[+-]?\d{1,15}\Z", text.strip()) else value
