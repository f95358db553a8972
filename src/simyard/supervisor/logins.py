"""Logins: what stands between a user and a cluster, in words with the next step. Pure."""

from __future__ import annotations

from simyard.drivers.base import Login, LoginStep
from simyard.errors import InvalidRequest
from simyard.protocol.targets import LoginAnswer, Prompt, TargetLogin
from simyard.supervisor import silence
from simyard.supervisor.core import Place

#: Nothing goes on in these before the user has done something.
NEEDS_SOMEBODY = frozenset({"needs-login", "asking", "unknown-host", "refused"})

_MOST_ANSWERS, _LONGEST_ANSWER = 20, 4096


def words(place: Place, login: Login, now: float) -> str:
    """How a login that is not ready stands, in sentences, with what would clear it."""
    said = f" {_sentence(login.words)}" if login.words else ""
    step = f"Log in to {place.name} on the page, or with `simyard target login {place.name}`"
    match login.state:
        case "needs-login":
            return f"{place.name} needs your login.{said} {step}."
        case "asking":
            return f"Your login to {place.name} is under way, and {login.host or place.name} waits for your answer. {step}."
        case "unknown-host":
            return (
                f"The key of {login.host or place.name} is not known here yet ({login.key_type} {login.fingerprint}). Compare it with what "
                f"its site tells, and accept it: {step[0].lower()}{step[1:]}."
            )
        case "connecting":
            return f"Your login to {place.name} is being made.{said}"
        case "lost":
            since = f" It has been so since {silence.moment(login.since, now)}." if login.since is not None else ""
            return f"{said.strip() or f'The connection to {place.name} is lost, and is being made again.'}{since}"
        case "refused":
            again = f" {step}." if login.again else ""
            return f"{place.name} refused your login.{said}{again}"
    return f"Your login to {place.name} is not ready ({login.state}).{said}"


def answer(target: str, login: Login | None) -> LoginAnswer:
    """As web is told. One that nobody has tried yet is one that somebody can begin."""
    if login is None:
        return LoginAnswer(target=target, state="not-needed")
    return LoginAnswer(
        target=target,
        state="needs-login" if login.state == "untried" else login.state,
        words=login.words,
        host=login.host,
        prompts=tuple(Prompt(text=text, echo=echo) for text, echo in login.prompts),
        fingerprint=login.fingerprint,
        key_type=login.key_type,
        again=login.again,
        since=login.since,
    )


def step(question: TargetLogin, most: float) -> LoginStep:
    """What a user asks of the driver; nobody waits longer than `most` seconds. Raises InvalidRequest, which quotes no answer."""
    if len(question.answers) > _MOST_ANSWERS or not all(_is_typed(one) for one in question.answers):
        raise InvalidRequest(
            "invalid-answers",
            f"At most {_MOST_ANSWERS} answers, each a text of at most {_LONGEST_ANSWER} characters that can be typed.",
        )
    return LoginStep(
        answers=question.answers,
        accept=question.accept,
        begin=question.begin,
        name=question.name,
        end=question.end,
        wait=min(max(question.wait, 0.0), most),
    )


def _is_typed(answer: str) -> bool:
    return len(answer) <= _LONGEST_ANSWER and not any(c in "\0\r\n" or "\ud800" <= c <= "\udfff" for c in answer)


def _sentence(text: str) -> str:
    return text if text.endswith((".", "!", "?")) else f"{text}."
