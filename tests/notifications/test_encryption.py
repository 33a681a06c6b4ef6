"""The tests' own reader keeps to the letter of RFC 8291, and what we encrypt it can read."""

import pytest
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric import ec
from hypothesis import given
from hypothesis import strategies as st

from parlour.notifications.encryption import PAYLOAD_LIMIT, encrypt
from push_service import CURVE, Browser, decode

# The example of RFC 8291, section 5.
PRIVATE = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
AUTH = "BTBZMqHH6r4Tts7J_aSIgg"
BODY = (
    "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_"
    "yl95bQpu6cVPTpK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
)


def test_the_tests_read_the_example_of_the_standard() -> None:
    key = ec.derive_private_key(int.from_bytes(decode(PRIVATE), "big"), CURVE)
    assert Browser(key, decode(AUTH)).decrypt(decode(BODY)) == b"When I grow up, I want to be a watermelon"


@given(st.binary(max_size=PAYLOAD_LIMIT).filter(lambda payload: not payload.endswith((b"\0", b"\x02"))))
def test_what_is_encrypted_is_read_by_its_browser_alone(payload: bytes) -> None:
    browser, other = Browser(), Browser()
    body = encrypt(payload, browser.public, browser.auth)
    assert browser.decrypt(body) == payload
    assert len(body) <= 4096
    with pytest.raises(InvalidTag):
        other.decrypt(body)
    assert encrypt(payload, browser.public, browser.auth) != body


def test_what_does_not_fit_or_has_no_key_is_refused() -> None:
    browser = Browser()
    with pytest.raises(ValueError, match="bytes"):
        encrypt(b"x" * (PAYLOAD_LIMIT + 1), browser.public, browser.auth)
    for key in (b"", b"\x04" + b"\x01" * 64, browser.public[:-1], b"\x02" + browser.public[1:33]):
        with pytest.raises(ValueError, match=r"key|curve|point"):
            encrypt(b"x", key, browser.auth)
