"""Stop 1, web: how it stands with what an input takes from another simulation: a state, why, and the words for it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Collection

from simyard.errors import InvalidRequest
from simyard.store.library import check_name

CURRENT, OUT_OF_DATE, NOTHING_YET, GONE = "current", "out-of-date", "nothing-yet", "gone"

#: Why it stands so, in a word for programs: the state that follows, and what a person is told ({title} is the simulation's name).
WHY: dict[str, tuple[str, str]] = {
    "": (CURRENT, "It is of the newest run of {model} of “{title}”."),
    "newer-run": (
        OUT_OF_DATE,
        "“{title}” has a newer run of {model} than the one that was taken last. Run this again to take it.",
    ),
    "edited": (OUT_OF_DATE, "“{title}” was changed after its newest completed run of {model}. Run that again, then this."),
    "upstream": (
        OUT_OF_DATE,
        "“{title}” takes something from another simulation that is newer than its own run of {model}. Run that again, then this.",
    ),
    "no-run": (NOTHING_YET, "“{title}” has no completed run of {model} yet. Run that first, then this."),
    "simulation": (GONE, "The simulation {title} is deleted. Choose another source, or a file."),
    "bin": (GONE, "“{title}” lies in the bin. Restore it there, or choose another source."),
    "model": (GONE, "“{title}” cannot compute {model} any more. Choose another source, or a file."),
    "file": (
        GONE,
        "The newest run of {model} of “{title}” has no file {file}. Choose one that it has, or change “{title}” so that it writes it.",
    ),
    "cycle": (GONE, "“{title}” takes from this simulation in turn. Choose another source in one of the two."),
}


def state_of(why: str) -> str:
    """`current`, `out-of-date`, `nothing-yet` or `gone`."""
    return WHY[why][0]


def words(why: str, title: str, model: str, file: str) -> str:
    """What a person is told."""
    return WHY[why][1].format(title=title, model=model, file=file.removeprefix("work/"))


def name_for(file: str, input_name: str, others: Collection[str]) -> str:
    """What the file of a source is called in the folder of the run that takes it: its own name; with that of the input before it where
    another file (of `others`) is called so; and that of the input where no file may be called so. The ending stays: codes tell formats by it."""
    own = file.rpartition("/")[2]
    stem, dot, last = own.rpartition(".")
    ending = f".{last}" if dot and stem and last.isalnum() and len(last) <= 20 else ""
    numbered = [f"{input_name}-{count}{ending}" for count in range(2, len(others) + 3)]
    return next(
        one for one in (own, f"{input_name}-{own}", f"{input_name}{ending}", *numbered) if one not in others and _may_be(one)
    )


def _may_be(name: str) -> bool:
    try:
        check_name(name)
    except InvalidRequest:
        return False
    return True


def circle(way: list[str], name_of: Callable[[str], str]) -> str:
    """What is said of a way by which a simulation would come back to itself (see `round_trip`)."""
    names = [f"“{name_of(one)}”" for one in way]
    if way[0] != way[-1]:
        return f"It would be the end of a chain of more than {len(way) - 2} simulations: choose a source that is nearer."
    if len(way) == 2:
        return f"{names[0]} cannot take from itself: copy it, and take from the copy."
    path = ", which takes from ".join(names[1:])
    return f"{names[0]} would take from {path}, and so from itself. Choose another source."
