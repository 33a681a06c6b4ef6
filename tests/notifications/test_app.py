"""What browsers fetch to keep Parlour as an app carries the policy, is asked for anew, and holds nothing of anybody."""

import re

import httpx
import pytest

from browsing import ON_SQLITE
from parlour.config import BadSetting, Config, read_config
from people import TRUSTED, Person

KEPT = {
    "/service-worker.js": "text/javascript; charset=utf-8",
    "/manifest.webmanifest": "application/manifest+json",
}


@ON_SQLITE
async def test_a_browser_that_is_signed_out_gets_the_same_as_any_other(ada: Person) -> None:
    for path, kind in KEPT.items():
        async with httpx.AsyncClient(base_url=ada.url, verify=TRUSTED) as visitor:
            answer = await visitor.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"] == kind
        assert answer.headers["cache-control"] == "no-cache"
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert "set-cookie" not in answer.headers
        assert (await ada.get(path)).text == answer.text
        assert not re.search(r"https?://", answer.text), "nothing comes from elsewhere"


@ON_SQLITE
async def test_a_subscription_that_cannot_be_used_is_refused_with_a_sentence(ada: Person) -> None:
    key, auth = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4", "A" * 22
    good = {"endpoint": "https://push.example.org/ada", "p256dh": key, "auth": auth}
    assert (await ada.post("/settings/notifications/on", good)).status == 303
    for wrong in (
        {"endpoint": ""},
        {"endpoint": "https://127.0.0.1/x"},
        {"endpoint": "http://push.example.org/x"},
        {"p256dh": key[:-1]},
        {"p256dh": "ü"},
        {"p256dh": "A" * 87},
        {"auth": "AAAA"},
        {"auth": ""},
    ):
        answer = await ada.post("/settings/notifications/on", good | wrong)
        assert answer.status == 422, wrong
        assert answer.alert.endswith("."), wrong


def test_the_settings_of_push_say_what_is_wrong_with_them() -> None:
    key = "q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94"
    config: Config = read_config({"PARLOUR_PUSH_KEY": key, "PARLOUR_PUSH_HOSTS": "push.lan:8080, [::1]:9 127.0.0.1:80"})
    assert (config.push_key, config.push_hosts) == (key, ("push.lan:8080", "[::1]:9", "127.0.0.1:80"))
    for name, wrong in (
        ("PARLOUR_PUSH_KEY", key[:-1]),
        ("PARLOUR_PUSH_KEY", key + key),
        ("PARLOUR_PUSH_HOSTS", "push.lan"),
        ("PARLOUR_PUSH_HOSTS", "http://push.lan:80"),
        ("PARLOUR_PUSH_HOSTS", "::1:80"),
    ):
        with pytest.raises(BadSetting, match=name):
            read_config({name: wrong})
