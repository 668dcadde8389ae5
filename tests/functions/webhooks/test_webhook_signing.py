"""Signatures as the specification has them."""

from __future__ import annotations

import base64

from functions.webhooks import signing
from shared.webhooks.documents import SigningKey

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
ID, AT, BODY = "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, '{"test": 2432232314}'
EXPECTED = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_the_published_vector_of_standard_webhooks_comes_out() -> None:
    assert signing.sign(SECRET, ID, AT, BODY) == EXPECTED


def test_headers_carry_a_signature_for_every_secret_in_force() -> None:
    keys = [SigningKey(secret=signing.new_secret()), SigningKey(secret=SECRET, until=AT + 1.0)]
    both = signing.headers(keys, ID, BODY, AT)
    assert (both["webhook-id"], both["webhook-timestamp"]) == (ID, str(AT))
    assert both["webhook-signature"].split()[1] == EXPECTED
    assert len(signing.headers(keys, ID, BODY, AT + 1.0)["webhook-signature"].split()) == 1


def test_secrets_are_random_and_of_32_bytes() -> None:
    made = {signing.new_secret() for _ in range(5)}
    assert len(made) == 5
    assert {len(base64.b64decode(secret.removeprefix("whsec_"))) for secret in made} == {32}
