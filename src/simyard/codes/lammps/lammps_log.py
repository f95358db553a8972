"""Job cmd, code lammps: what LAMMPS printed, read as it grows: the tables of thermodynamic output, how many steps are done, which
dumps there are and in which units. Text in, data out."""

import re

LOOP = re.compile(r"^Loop time of (\S+) on (\d+) procs for (\d+) steps with (\d+) atoms")
CURRENT = re.compile(r"^\s*Current step\s*:\s*(\d+)")
MULTI = re.compile(r"^-+ Step\s+(\d+) -+ CPU =")
PAIR = re.compile(r"([A-Za-z_][\w\[\]]*)\s*=\s*(-?[\d.]\S*|-?nan|-?inf)")
GRID = re.compile(r"^\s*(\d+) by (\d+) by (\d+) MPI processor grid")
CREATED = re.compile(r"^(?:Created (\d+) atoms|\s*(\d+) atoms)$")
#: Dumps whose text can be read here.
READABLE = ("atom", "custom")
#: Files of this kind are compressed or binary.
UNREADABLE = (".gz", ".bz2", ".zst", ".xz", ".bin", ".lz4")


class Log:
    """Follows the text, of which it is given whole lines. `names` and `rows` are of one table after the other: in `tables`."""

    def __init__(self):
        self.tables = []  # (names, rows)
        self.done = 0  # steps of the runs that are over
        self.runs = 0
        self.first = 0  # the step at which the present run began
        self.running = False
        self.step = 0
        self.atoms = 0
        self.processes = 0
        self.seconds = 0.0
        self.units = "lj"
        self.dumps = []  # (id, file)
        self.ended = False
        self.last = ""  # what was echoed or said last
        self._expect = ""
        self._multi = {}

    def feed(self, text):
        for line in text.splitlines():
            self.take(line)

    def take(self, line):
        if self._expect == "header":
            self.header(line)
        elif line.startswith("Per MPI rank memory allocation"):
            self._expect, self.running = "header", True
        elif not (self.running and self.row(line)):
            self.other(line)

    def header(self, line):
        words = line.split()
        self._expect = "rows"
        if not words or words[0] in {"---", "data:"}:
            self._expect = "header"  # of yaml, of which the names follow
        elif words[0] == "keywords:":
            names = re.findall(r"'([^']+)'", line) or [one.strip() for one in line.partition("[")[2].rstrip("], ").split(",")]
            self.tables.append((tuple(names), []))
        elif MULTI.match(line):
            self._expect = "multi"
            self.tables.append(((), []))
            self.row(line)
        else:
            self.tables.append((tuple(words), []))

    def row(self, line):
        """Whether the line was one of the table."""
        if self._expect == "multi":
            return self.multi(line)
        names, rows = self.tables[-1] if self.tables else ((), [])
        stripped = line.strip()
        words = stripped[3:].rstrip("], ").split(",") if stripped.startswith("- [") else stripped.split()
        if not names or len(words) != len(names):
            return False
        try:
            values = [float(word) for word in words]
        except ValueError:
            return False
        rows.append(values)
        if "Step" in names:
            self.step = int(values[names.index("Step")])
        return True

    def multi(self, line):
        """A block of `thermo_style multi`: a line with the step, then lines of name = value."""
        begins = MULTI.match(line)
        if begins:
            self.close_block()
            self.step = int(begins[1])
            self._multi = {"Step": float(begins[1])}
            return True
        found = PAIR.findall(line)
        if found and self._multi:
            self._multi.update((name, float(value)) for name, value in found)
            return True
        return False

    def close_block(self):
        if self._multi:
            names, rows = self.tables[-1]
            if not names:
                self.tables[-1] = (tuple(self._multi), rows)
            if len(self._multi) == len(self.tables[-1][0]):
                rows.append(list(self._multi.values()))
        self._multi = {}

    def other(self, line):
        loop = LOOP.match(line)
        if loop:
            self.close_block()
            self.seconds += float(loop[1])
            self.done += int(loop[3])
            self.atoms = int(loop[4])
            self.runs += 1
            self.running, self._expect = False, ""
            return
        words = line.split()
        if not words:
            return
        found = CURRENT.match(line)
        if found:
            self.first = self.step = int(found[1])
        elif line.startswith("LAMMPS ("):  # it goes on, in another process
            self.running, self._expect, self.ended, self.dumps = False, "", False, []
            self.done, self.runs, self.seconds = 0, 0, 0.0
        elif line.startswith("Total wall time:"):
            self.ended = True
        elif words[0] == "units" and len(words) > 1 and "$" not in words[1]:
            self.units = words[1]
        elif words[0] == "dump" and len(words) > 5:
            if words[3] in READABLE and "$" not in words[5] and not words[5].endswith(UNREADABLE) and "%" not in words[5]:
                self.dumps.append((words[1], words[5]))
        elif GRID.match(line):
            sides = GRID.match(line)
            self.processes = int(sides[1]) * int(sides[2]) * int(sides[3])
        else:
            made = CREATED.match(line)
            if made:
                self.atoms = int(made[1] or made[2])
        self.last = line

    def steps(self):
        """Steps that are done, of all runs so far."""
        return self.done + (max(0, self.step - self.first) if self.running else 0)

    def dump_files(self):
        """The files of the first dump that can be read, in the order in which they were begun; a name may have a *."""
        return list(dict.fromkeys(file for name, file in self.dumps if name == self.dumps[0][0]))

    def finished(self):
        """The last block of a table of many lines may still be open."""
        self.close_block()
        return self

    def forget(self):
        """Leaves the rows that were read; the names of the columns stay, since more may follow."""
        for _, rows in self.tables:
            rows.clear()
