import ipaddress

import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from starlette.testclient import TestClient

from adapters.console.access import Access, AccessMiddleware

LOOPBACK = ("127.0.0.1", 50_000)
ELSEWHERE = ("192.0.2.7", 50_000)
PROXY = ("10.1.2.3", 50_000)
TOKEN = "of-the-night"  # noqa: S105 - of a test
PROXIES = (ipaddress.ip_network("10.1.0.0/16"),)


async def who(request: Request) -> PlainTextResponse:
    return PlainTextResponse(request.scope["user_name"])


def client(access: Access, address: tuple[str, int], base_url: str = "http://127.0.0.1:1") -> TestClient:
    app = Starlette(routes=[Route("/who", who), Route("/healthz", lambda _: PlainTextResponse("healthy"))])
    return TestClient(
        AccessMiddleware(app, access), client=address, base_url=base_url, follow_redirects=False
    )


def test_without_settings_this_machine_may_look() -> None:
    assert client(Access(), LOOPBACK).get("/who").text == "local"


def test_without_settings_nobody_else_may_look() -> None:
    assert client(Access(), ELSEWHERE).get("/who").status_code == 401


def test_a_name_that_a_stranger_points_at_this_machine_is_refused() -> None:
    answer = client(Access(), LOOPBACK, base_url="http://rebound.example:1").get("/who")
    assert answer.status_code == 421


def test_a_trusted_proxy_tells_the_user() -> None:
    access = Access(trusted_proxies=PROXIES)
    answer = client(access, PROXY, base_url="https://summit.example").get(
        "/who", headers={"X-Auth-Request-User": "ada"}
    )
    assert answer.text == "ada"


@pytest.mark.parametrize("address", [ELSEWHERE, LOOPBACK])
def test_from_anybody_else_the_users_name_counts_for_nothing(address: tuple[str, int]) -> None:
    access = Access(trusted_proxies=PROXIES)
    assert client(access, address).get("/who", headers={"X-Auth-Request-User": "ada"}).status_code == 401


def test_a_proxy_that_names_nobody_is_refused() -> None:
    assert client(Access(trusted_proxies=PROXIES), PROXY).get("/who").status_code == 401


@pytest.mark.parametrize("address", [ELSEWHERE, LOOPBACK])
def test_a_token_is_wanted_from_everybody(address: tuple[str, int]) -> None:
    asking = client(Access(token=TOKEN), address)
    assert asking.get("/who").status_code == 401
    assert asking.get("/who", headers={"Authorization": "Bearer of the day"}).status_code == 401
    assert asking.get("/who", headers={"Authorization": f"Bearer {TOKEN}"}).text == "token"


def test_a_token_in_the_address_becomes_a_cookie_that_does_not_hold_it() -> None:
    asking = client(Access(token=TOKEN), ELSEWHERE)
    answer = asking.get(f"/who?token={TOKEN}&visit=a%26b")
    assert answer.status_code == 303
    assert answer.headers["location"] == "/who?visit=a%26b"
    assert TOKEN not in answer.headers["set-cookie"]
    assert asking.get("/who").text == "token"


def test_a_redirect_never_leaves_the_console() -> None:
    asking = client(Access(token=TOKEN), ELSEWHERE)
    assert (
        asking.get(f"http://127.0.0.1:1//elsewhere.example/?token={TOKEN}")
        .headers["location"]
        .startswith("/e")
    )


def test_probes_need_no_user() -> None:
    assert client(Access(token=TOKEN), ELSEWHERE).get("/healthz").text == "healthy"


def test_a_browser_is_told_to_be_careful() -> None:
    headers = client(Access(), LOOPBACK).get("/who").headers
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
