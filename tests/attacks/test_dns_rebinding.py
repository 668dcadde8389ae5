"""A name whose address changes between the check and the call: the call goes to the address that was checked."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import Any

import pytest
from receiver import receiver

from shared.errors import Unprocessable, UpstreamError
from shared.outbound import exchange, pictures
from shared.outbound.target import Purpose, resolve
from shared.webhooks import sending

NAME, PUBLIC, INSIDE = "hooks.attacker.example", "93.184.216.34", "127.0.0.1"


class Resolver:
    """The name server of the attacker: each question about `NAME` gets the next answer, the last one for ever."""

    def __init__(self, *answers: tuple[str, ...]) -> None:
        self._answers = list(answers)
        self._real = socket.getaddrinfo
        self.asked = 0

    def __call__(self, host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host not in (NAME, NAME.encode()):
            return self._real(host, port, *args, **options)
        self.asked += 1
        addresses = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        return [(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP, "", (address, port)) for address in addresses]


type Rebind = Callable[..., Resolver]


@pytest.fixture
def rebind(local: dict[str, str], change: Callable[..., None], monkeypatch: pytest.MonkeyPatch) -> Rebind:
    """Answers for `NAME`; nothing that is not public may be called, and waits for an unreachable address are short."""
    change(WEBHOOK_ALLOW_HOSTS="[]", IMAGE_FETCH="true", IMAGE_FETCH_ALLOW_HOSTS="[]")
    monkeypatch.setattr(exchange, "CONNECT_S", 0.2)

    def answer(*answers: tuple[str, ...]) -> Resolver:
        resolver = Resolver(*answers)
        monkeypatch.setattr(socket, "getaddrinfo", resolver)
        return resolver

    return answer


def test_a_delivery_asks_once_and_never_calls_inside(rebind: Rebind) -> None:
    with receiver() as inside:
        url = f"https://{NAME}:{inside.port}/hook"
        resolver = rebind((PUBLIC,), (INSIDE,))
        with pytest.raises(UpstreamError):
            sending.send(url, "{}", {})
        assert resolver.asked == 1, "a second question would have been answered with the address inside"
        with pytest.raises(Unprocessable) as refused:
            sending.send(url, "{}", {})
        assert refused.value.code == "webhook_url"
        assert inside.got == []


@pytest.mark.parametrize(
    "answer", [(INSIDE, PUBLIC), (PUBLIC, INSIDE), (PUBLIC, "169.254.169.254"), ("168.63.129.16",)]
)
def test_one_address_that_is_not_public_is_enough(rebind: Rebind, answer: tuple[str, ...]) -> None:
    rebind(answer)
    with pytest.raises(Unprocessable):
        resolve(f"https://{NAME}/hook", Purpose("webhook"))


def test_a_picture_is_not_fetched_from_inside(rebind: Rebind) -> None:
    with receiver() as inside:
        url = f"https://{NAME}:{inside.port}/a.png"
        resolver = rebind((PUBLIC,), (INSIDE,))
        with pytest.raises(UpstreamError):
            pictures.fetch_picture(url, max_bytes=1000)
        assert resolver.asked == 1
        with pytest.raises(Unprocessable):
            pictures.fetch_picture(url, max_bytes=1000)
        assert inside.got == []
