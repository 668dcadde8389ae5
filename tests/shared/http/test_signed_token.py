"""Tokens signed here are valid for PyJWT, and PyJWT's here; a changed token is valid nowhere."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.http import signed_token

KEY = "k" * 40
NAMES = {"issuer": "us", "audience": "them", "leeway_s": 5}


def claims(**more: Any) -> dict[str, Any]:
    now = int(time.time())
    made = {"iss": "us", "aud": "them", "sub": "user", "jti": "1", "typ": "access", "role": "shopper", "ver": 1}
    return {**made, "iat": now, "nbf": now, "exp": now + 60, **more}


@given(st.dictionaries(st.text(min_size=1), st.text() | st.integers() | st.booleans() | st.none(), max_size=4))
def test_both_libraries_read_each_others_tokens(more: dict[str, Any]) -> None:
    sent = {**more, **claims()}
    ours = signed_token.sign(sent, "k1", KEY)
    assert jwt.decode(ours, KEY, algorithms=["HS256"], audience="them", issuer="us") == sent
    assert jwt.get_unverified_header(ours) == {"alg": "HS256", "typ": "JWT", "kid": "k1"}
    theirs = jwt.encode(sent, KEY, "HS256", headers={"kid": "k1"})
    assert signed_token.verify(theirs, {"k1": KEY}, **NAMES) == sent


@given(st.data())
def test_a_changed_character_makes_a_token_invalid(data: st.DataObject) -> None:
    token = signed_token.sign(claims(), "k1", KEY)
    # The last character of a part may hold bits that stand for nothing.
    place = data.draw(st.sampled_from([n for n, c in enumerate(token[:-1]) if c != "." and token[n + 1] != "."]))
    other = data.draw(st.sampled_from("ABCxyz019-_.=+ \n").filter(lambda c: c != token[place]))
    with pytest.raises(signed_token.InvalidToken):
        signed_token.verify(token[:place] + other + token[place + 1 :], {"k1": KEY}, **NAMES)


@pytest.mark.parametrize("changed", [{"exp": True}, {"nbf": None}, {"aud": ["them"]}, {"jti": 5}, {"role": None}])
def test_claims_of_other_types_are_refused(changed: dict[str, Any]) -> None:
    with pytest.raises(signed_token.InvalidToken):
        signed_token.verify(signed_token.sign(claims(**changed), "k1", KEY), {"k1": KEY}, **NAMES)
