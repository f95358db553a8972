"""How a message becomes bytes and back: JSON text `[version, name, fields]`, checked field by field against the
message's class. Control messages are text; bulk data travels in binary frames (`pack`, `unpack`)."""

from __future__ import annotations

import dataclasses
import enum
import json
import math
import struct
import sys
import typing
from typing import Any, Callable, Dict, Optional, Tuple, Type, TypeVar, Union

from simyard.errors import ProtocolError

VERSION = 1
#: A control message may not be larger, either way (bytes of UTF-8).
MAX_MESSAGE = 4 << 20
#: The payload of one binary frame may not be larger (bytes).
MAX_CHUNK = 64 << 10
#: What stands in a field of any type is nested no deeper: far from where a codec, here or elsewhere, gives up.
MAX_DEPTH = 64

T = TypeVar("T")

if typing.TYPE_CHECKING:
    from typing import dataclass_transform  # novermin (type checkers only)
else:

    def dataclass_transform(**_: Any) -> Callable[[Any], Any]:
        return lambda function: function


@dataclass_transform(kw_only_default=True, frozen_default=True)
def message(cls: Type[T]) -> Type[T]:
    """Make `cls` a message: frozen, keyword-only where the interpreter can (3.10), compared by value.

    Mutable defaults are allowed, because nobody may change them: they are copied for each instance.
    """
    for name, default in list(vars(cls).items()):
        if isinstance(default, dict) and not name.startswith("__"):
            setattr(cls, name, dataclasses.field(default_factory=dict))
        elif dataclasses.is_dataclass(default) and not isinstance(default, type):
            setattr(cls, name, dataclasses.field(default_factory=_always(default)))
    options: Dict[str, Any] = {"frozen": True}
    if sys.version_info >= (3, 10):
        options["kw_only"] = True
        options["slots"] = True
    return typing.cast(Type[T], dataclasses.dataclass(**options)(cls))


def _always(value: T) -> Callable[[], T]:
    return lambda: value


@dataclasses.dataclass(frozen=True)
class Unknown:
    """A message of a peer that is newer or older: what it is called, and what it says."""

    name: str
    fields: Dict[str, Any]


class Codec:
    """Encodes and decodes the messages of one closed union, and refuses everything else."""

    def __init__(self, *union: type) -> None:
        self._by_name = {cls.__name__: cls for cls in union}
        self._types = frozenset(union)

    def encode(self, what: Any) -> str:
        """The text of a message; raises ProtocolError for what is not of the union, or too large."""
        cls = type(what)
        if cls not in self._types:
            raise ProtocolError("not-a-message", f"{cls.__name__} is not a message of this conversation.")
        try:
            text = json.dumps([VERSION, cls.__name__, to_plain(what)], separators=(",", ":"), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as error:
            raise ProtocolError("malformed", f"A {cls.__name__} holds what is not JSON: {error}") from None
        if len(text) > MAX_MESSAGE:
            raise ProtocolError("message-too-large", f"A {cls.__name__} of {len(text)} bytes is over the limit of {MAX_MESSAGE}.")
        return text

    def decode(self, data: Union[str, bytes]) -> Any:
        """The message; raises ProtocolError, and nothing else, for everything that is not one."""
        found = self._decoded(data, tolerant=False)
        if isinstance(found, Unknown):
            raise ProtocolError("unknown-message", f"No message of this conversation is called {found.name!r:.60}.")
        return found

    def understand(self, data: Union[str, bytes]) -> Any:
        """As `decode`, for a peer that may be of another version of Simyard: a message that is not of this conversation is an
        Unknown, and fields that its class does not have are passed over. Where both sides know it, it is checked as ever."""
        return self._decoded(data, tolerant=True)

    def _decoded(self, data: Union[str, bytes], *, tolerant: bool) -> Any:
        if len(data) > MAX_MESSAGE:
            raise ProtocolError("message-too-large", f"A message of {len(data)} bytes is over the limit of {MAX_MESSAGE}.")
        try:
            envelope = json.loads(data, parse_constant=_no_constant)
        except (ValueError, RecursionError) as error:
            raise ProtocolError("malformed", f"Not JSON: {error}") from None
        if not isinstance(envelope, list) or len(envelope) != 3:
            raise ProtocolError("malformed", "A message is [version, name, fields].")
        version, name, fields = envelope
        if version != VERSION:
            raise ProtocolError(
                "version", f"This side speaks version {VERSION} of the protocol, the peer {version!r:.40}: update the older one."
            )
        cls = self._by_name.get(name) if isinstance(name, str) else None
        if cls is not None:
            return from_plain(cls, fields, name, tolerant=tolerant)
        if isinstance(name, str) and isinstance(fields, dict):
            return Unknown(name, fields)
        raise ProtocolError("unknown-message", f"No message of this conversation is called {name!r:.60}.")


def _no_constant(text: str) -> None:
    raise ValueError(f"{text} is not JSON")


def to_plain(value: Any) -> Any:
    """A message as dicts, lists and scalars; fields that stand at their default are left out."""
    if dataclasses.is_dataclass(value):
        return {
            name: to_plain(item)
            for name, default in _defaults(type(value))
            if (item := getattr(value, name)) != default or default is dataclasses.MISSING
        }
    if isinstance(value, enum.Enum):
        return value.value
    if isinstance(value, (tuple, list)):
        return [to_plain(item) for item in value]
    if isinstance(value, dict):
        return {key: to_plain(item) for key, item in value.items()}
    return value


def from_plain(cls: Type[T], plain: Any, where: str = "", *, tolerant: bool = False) -> T:
    """The instance of message class `cls` that `plain` describes; raises ProtocolError naming the field that is wrong.
    `tolerant`: fields that the class does not have are passed over."""
    if not isinstance(plain, dict):
        raise ProtocolError("malformed", f"{where or cls.__name__}: expected an object.")
    checks = _checks(cls, tolerant)
    unknown = plain.keys() - checks.keys()
    if unknown and not tolerant:
        raise ProtocolError("malformed", f"{where or cls.__name__}: unknown field {min(unknown)!r:.60}.")
    if unknown:
        plain = {name: item for name, item in plain.items() if name in checks}
    try:
        return cls(**{name: checks[name](item, f"{where}.{name}") for name, item in plain.items()})
    except (TypeError, ValueError) as error:
        raise ProtocolError("malformed", f"{where or cls.__name__}: {error}") from None


_DEFAULTS: Dict[type, Tuple[Tuple[str, Any], ...]] = {}
_CHECKS: Dict[Tuple[type, bool], Dict[str, Callable[[Any, str], Any]]] = {}


def _defaults(cls: Any) -> Tuple[Tuple[str, Any], ...]:
    known = _DEFAULTS.get(cls)
    if known is None:
        known = tuple(
            (f.name, f.default_factory() if f.default_factory is not dataclasses.MISSING else f.default)
            for f in dataclasses.fields(cls)
        )
        _DEFAULTS[cls] = known
    return known


def _checks(cls: Any, tolerant: bool) -> Dict[str, Callable[[Any, str], Any]]:
    known = _CHECKS.get((cls, tolerant))
    if known is None:
        hints = typing.get_type_hints(cls)
        known = {f.name: _check(hints[f.name], tolerant) for f in dataclasses.fields(cls)}
        _CHECKS[cls, tolerant] = known
    return known


def _check(hint: Any, tolerant: bool) -> Callable[[Any, str], Any]:
    """The function that checks and converts one value of the annotated type."""
    origin, arguments = typing.get_origin(hint), typing.get_args(hint)
    if hint is Any:
        return lambda value, _: value
    if origin is Union and type(None) in arguments and len(arguments) == 2:
        inner = _check(next(a for a in arguments if a is not type(None)), tolerant)
        return lambda value, where: None if value is None else inner(value, where)
    if origin is tuple and len(arguments) == 2 and arguments[1] is Ellipsis:
        item = _check(arguments[0], tolerant)
        return lambda value, where: tuple(item(v, where) for v in _of(list, value, where))
    if origin is dict:
        inside = _check(arguments[1], tolerant)
        return lambda value, where: {k: inside(v, where) for k, v in _of(dict, value, where).items()}
    if isinstance(hint, type) and issubclass(hint, enum.Enum):
        return lambda value, where: _enum(hint, value, where)
    if dataclasses.is_dataclass(hint):
        return lambda value, where: from_plain(typing.cast(type, hint), value, where, tolerant=tolerant)
    if hint is float:
        return _float
    if hint in (int, str, bool):
        return lambda value, where: _of(hint, value, where)
    raise TypeError(f"a message cannot have a field of type {hint}")


def _of(cls: Type[T], value: Any, where: str) -> T:
    # bool is an int to Python, and must not be one here
    if type(value) is not cls:
        raise ProtocolError("malformed", f"{where}: expected {cls.__name__}, got {type(value).__name__}.")
    return value


def _float(value: Any, where: str) -> float:
    if type(value) not in (int, float):
        raise ProtocolError("malformed", f"{where}: expected a number, got {type(value).__name__}.")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ProtocolError("malformed", f"{where}: the number is out of range.")
    return number


def _enum(cls: Type[enum.Enum], value: Any, where: str) -> enum.Enum:
    try:
        return cls(value)
    except ValueError:
        raise ProtocolError(
            "malformed", f"{where}: {value!r:.60} is not one of {', '.join(str(m.value) for m in cls)}."
        ) from None


_FRAME = struct.Struct(">Q")


def pack(transfer: int, payload: bytes) -> bytes:
    """A binary frame: eight bytes of the transfer's number, then the payload (at most MAX_CHUNK bytes)."""
    if len(payload) > MAX_CHUNK:
        raise ProtocolError("message-too-large", f"A chunk of {len(payload)} bytes is over the limit of {MAX_CHUNK}.")
    return _FRAME.pack(transfer) + payload


def unpack(frame: bytes) -> Tuple[int, memoryview]:
    """The transfer's number and the payload; raises ProtocolError for a frame that is too short or too long."""
    if not _FRAME.size <= len(frame) <= _FRAME.size + MAX_CHUNK:
        raise ProtocolError("malformed", f"A binary frame of {len(frame)} bytes.")
    return _FRAME.unpack_from(frame)[0], memoryview(frame)[_FRAME.size :]


def is_shallow(value: Any, depth: int = MAX_DEPTH) -> bool:
    """Whether no dict or list in it is nested deeper than that."""
    if isinstance(value, dict):
        return depth > 0 and all(is_shallow(item, depth - 1) for item in value.values())
    if isinstance(value, list):
        return depth > 0 and all(is_shallow(item, depth - 1) for item in value)
    return True


def first_line(text: str, limit: int = 500) -> Optional[str]:
    """The first line of foreign text that says anything, cut to `limit` characters; None if there is none."""
    for line in text.splitlines():
        if line.strip():
            return line.strip()[:limit]
    return None
