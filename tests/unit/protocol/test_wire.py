"""What goes over the wire comes back the same, and everything else is refused with words and changes nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simyard.errors import ProtocolError
from simyard.protocol import agents, asking, targets
from simyard.protocol.jobs import Kind, Resources, Run, RunSpec, State, Verdict
from simyard.protocol.wire import MAX_CHUNK, MAX_MESSAGE, Codec, Unknown, from_plain, message, pack, to_plain, unpack

CODECS = {"from agent": agents.FROM_AGENT, "to agent": agents.TO_AGENT, "ask": asking.ASK, "answer": asking.ANSWER}

SPEC = RunSpec(
    run="01", user="ann", code="c", code_version="1", code_dir="/c", python="/p", model="m", kind=Kind.LONG,
    inputs={"β": [1, 2.5, None]}, files={"a.seq": "ab"}, resources=Resources(cores=2, memory=5), time_limit=9.0,
)  # fmt: skip
RUN = Run(
    id="01", user="ann", jid="j", simulation="s", simulation_revision="r", code="c", code_version="1", model="m", kind=Kind.QUICK,
    target="local", identity="i", state=State.PENDING, created=1.0, queued=1.5, resources=Resources(),
    waiting=(Verdict(gate="wanted", passed=True), Verdict(gate="resources", passed=False, detail="…")),
)  # fmt: skip
MESSAGES = [
    (agents.TO_AGENT, agents.StartRun(epoch=3, spec=SPEC)),
    (agents.TO_AGENT, agents.Welcome(follow=(agents.Follow(run="01", epoch=1, after=7),), forget=("02",))),
    (agents.FROM_AGENT, agents.RunEvents(run="01", epoch=1, events=(agents.Event(n=1, at=2.0, event="begun", data={"a": [1]}),))),
    (agents.FROM_AGENT, agents.Closed(op=2**63)),
    (
        asking.ASK,
        asking.RunSimulation(user="ann", simulation="s", simulation_revision="r", code="c", model="m", inputs={}, files={}),
    ),
    (asking.ASK, targets.TargetLogin(user="ann", target="t", answers=("one", "two"))),
    (asking.ANSWER, asking.RunAnswer(run=RUN, created=True)),
    (asking.ANSWER, asking.Problem(status=409, code="already-active", detail="…", more={"run": "01"})),
]
json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)


@pytest.mark.parametrize("codec, what", MESSAGES, ids=lambda value: type(value).__name__)
def test_a_message_comes_back_equal(codec: Codec, what: Any) -> None:
    assert codec.decode(codec.encode(what)) == what
    assert codec.decode(codec.encode(what).encode()) == what


@pytest.mark.parametrize("codec, what", MESSAGES, ids=lambda value: type(value).__name__)
def test_a_message_is_of_one_conversation_only(codec: Codec, what: Any) -> None:
    for other in CODECS.values():
        if other is not codec:
            with pytest.raises(ProtocolError, match="conversation"):
                other.encode(what)
            with pytest.raises(ProtocolError, match="conversation"):
                other.decode(codec.encode(what))


@pytest.mark.parametrize("codec", CODECS.values(), ids=CODECS)
@given(data=st.binary(max_size=200) | st.text(max_size=200))
def test_garbage_is_refused_as_a_protocol_error_and_nothing_else(codec: Codec, data: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        codec.decode(data)


@given(
    fields=st.dictionaries(st.sampled_from(["run", "epoch", "events", "x"]), json_values),
    name=st.sampled_from(["RunEvents", "Hello"]),
)
def test_wrong_fields_are_refused_by_name(name: str, fields: dict[str, Any]) -> None:
    text = json.dumps([1, name, fields])
    if set(fields) == {"run", "epoch", "events"} and name == "RunEvents" and isinstance(fields["run"], str):
        return  # it may be right by chance
    with pytest.raises(ProtocolError, match=name) as raised:
        agents.FROM_AGENT.decode(text)
    assert raised.value.code == "malformed"


@pytest.mark.parametrize(
    "text, code",
    [
        ("[1, 'x', {}]", "malformed"),
        ('[1, "Nope", {}]', "unknown-message"),
        ('[1, ["Closed"], {}]', "unknown-message"),
        ('[2, "Closed", {"op": 1}]', "version"),
        ('[1, "Closed", {"op": true}]', "malformed"),
        ('[1, "Closed", {"op": 1.0}]', "malformed"),
        ('[1, "Closed", {}]', "malformed"),
        ('[1, "Closed", {"op": NaN}]', "malformed"),
        ('[1, "RunEvents", {"run": "r", "epoch": 1, "events": [{"n": 1, "at": 1e999, "event": "e"}]}]', "malformed"),
        ("[" * 100_000, "malformed"),
        ('[1, "Closed", {"op": 1, "code": "' + "x" * MAX_MESSAGE + '"}]', "message-too-large"),
    ],
    ids=range(11),
)
def test_each_kind_of_mistake_has_its_code(text: str, code: str) -> None:
    with pytest.raises(ProtocolError) as raised:
        agents.FROM_AGENT.decode(text)
    assert raised.value.code == code


def test_a_peer_of_another_version_is_understood_as_far_as_it_can_be() -> None:
    understand = agents.TO_AGENT.understand
    assert understand('[1, "Dance", {"op": 7}]') == Unknown("Dance", {"op": 7})
    assert understand('[1, "Drop", {"op": 7, "why": [1]}]') == agents.Drop(op=7)
    start = agents.StartRun(epoch=3, spec=SPEC)
    plain = json.loads(agents.TO_AGENT.encode(start))
    plain[2]["spec"]["resources"]["gpus"] = 4
    assert understand(json.dumps(plain)) == start
    with pytest.raises(ProtocolError, match="gpus"):
        agents.TO_AGENT.decode(json.dumps(plain))
    for wrong in ('[1, "Drop", {"op": "7"}]', '[1, "Drop", {}]', "[1, 7, {}]", '[1, "Dance", []]', '[2, "Dance", {}]'):
        with pytest.raises(ProtocolError):
            understand(wrong)


@given(data=st.binary(max_size=200) | st.text(max_size=200))
def test_garbage_is_not_understood_either(data: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        agents.TO_AGENT.understand(data)


def test_a_message_that_is_too_large_is_not_sent() -> None:
    with pytest.raises(ProtocolError, match="over the limit"):
        agents.FROM_AGENT.encode(agents.Closed(op=1, detail="x" * MAX_MESSAGE))


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_what_is_not_json_is_not_sent(value: float) -> None:
    with pytest.raises(ProtocolError, match="holds what is not JSON"):
        agents.FROM_AGENT.encode(agents.RunEvents(run="r", epoch=1, events=(agents.Event(n=1, at=value, event="e"),)))


def test_messages_cannot_be_changed_nor_share_what_can() -> None:
    one, two = agents.Event(n=1, at=1.0, event="e"), agents.Event(n=1, at=1.0, event="e")
    with pytest.raises(AttributeError):
        one.n = 2  # type: ignore[misc]
    assert one == two
    assert one.data is not two.data


def test_fields_at_their_default_are_left_out() -> None:
    @message
    class Sample:
        a: int
        b: int = 2

    assert to_plain(Sample(a=1)) == {"a": 1}
    assert from_plain(Sample, {"a": 1, "b": 3}) == Sample(a=1, b=3)


@given(number=st.integers(0, 2**64 - 1), payload=st.binary(max_size=100))
def test_a_frame_comes_back(number: int, payload: bytes) -> None:
    back, data = unpack(pack(number, payload))
    assert (back, bytes(data)) == (number, payload)


@pytest.mark.parametrize("frame", [b"", b"1234567", bytes(8 + MAX_CHUNK + 1)])
def test_a_frame_of_the_wrong_size_is_refused(frame: bytes) -> None:
    with pytest.raises(ProtocolError):
        unpack(frame)


def test_a_chunk_that_is_too_large_is_not_sent() -> None:
    with pytest.raises(ProtocolError):
        pack(1, bytes(MAX_CHUNK + 1))
