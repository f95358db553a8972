"""For tests: the login to a cluster called `pool`, as the fake supervisor plays it: an unknown host, a password, and a code."""

from __future__ import annotations

import dataclasses

from simyard.protocol.targets import LoginAnswer, Prompt, TargetLogin

NEEDED = LoginAnswer(target="pool", state="needs-login")
UNKNOWN = LoginAnswer(
    target="pool",
    state="unknown-host",
    host="pool.example",
    fingerprint="SHA256:abc",
    key_type="ssh-ed25519",
    words="Compare it.",
)
ASKING = LoginAnswer(
    target="pool",
    state="asking",
    host="pool.example",
    words="Welcome.",
    prompts=(Prompt(text="Password: "), Prompt(text="Code: ", echo=True)),
)


class FakeLogin:
    """`password` and `code` are what it takes; each user has a login of their own."""

    def __init__(self) -> None:
        self.password, self.code = "open sesame", "123456"
        self.is_known = False
        self._now: dict[str, LoginAnswer] = {}

    def step(self, question: TargetLogin) -> LoginAnswer:
        """How it stands after this step."""
        now = self._now.get(question.user, NEEDED)
        if question.end:
            now = NEEDED
        elif question.begin:
            now = ASKING if self.is_known else UNKNOWN
        elif question.accept and question.accept == now.fingerprint:
            self.is_known, now = True, ASKING
        elif question.answers and now.state == "asking":
            is_right = question.answers == (self.password, self.code)
            now = LoginAnswer(target="pool", state="ready") if is_right else dataclasses.replace(ASKING, words="Try again.")
        self._now[question.user] = now
        return now

    def state(self, user: str) -> str:
        """How it stands, in a word."""
        return self._now.get(user, NEEDED).state
