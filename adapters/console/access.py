"""Who may look: everybody on this machine, whom a trusted proxy names, or who knows the token."""

import hashlib
import hmac
import ipaddress
from collections.abc import Iterable, Sequence
from http import HTTPStatus
from typing import Final
from urllib.parse import parse_qsl, urlencode

from attrs import frozen
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

__all__ = ["USER_HEADER", "Access", "AccessMiddleware", "Network"]

USER_HEADER: Final = "x-auth-request-user"
"""As Gafaelfawr and oauth2-proxy set it."""

_COOKIE: Final = "prompt-processing-console"
_LOCAL_NAMES: Final = frozenset({"localhost", "127.0.0.1", "[::1]"})

type Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: blob:;"
        " connect-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
    ),
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
}


@frozen(kw_only=True)
class Access:
    """Whom the console answers; without either of the two, whoever is on this machine."""

    trusted_proxies: Sequence[Network] = ()
    """Whose word on the user is taken."""
    token: str | None = None

    @property
    def is_local_only(self) -> bool:
        """Whether nobody can be told apart, so that only this machine may ask."""
        return not self.trusted_proxies and self.token is None

    def user(self, address: str, named: str | None, tokens: Iterable[str]) -> str | None:
        """Tell who asks; None: who may not.

        Parameters
        ----------
        address
            Where the request comes from.
        named
            The user by the proxy's header.
        tokens
            What the request shows for a token: itself, or its fingerprint.
        """
        if self._is_within(address, self.trusted_proxies):
            return named or None
        if self.token is not None:
            known = (self.token, self.fingerprint)
            if any(hmac.compare_digest(one.encode(), two.encode()) for one in tokens for two in known):
                return "token"
            return None
        return "local" if self.is_local_only and _is_loopback(address) else None

    @property
    def fingerprint(self) -> str:
        """What the browser keeps in place of the token."""
        return hmac.new((self.token or "").encode(), _COOKIE.encode(), hashlib.sha256).hexdigest()

    @staticmethod
    def _is_within(address: str, networks: Sequence[Network]) -> bool:
        try:
            parsed = ipaddress.ip_address(address)
        except ValueError:
            return False
        return any(parsed in network for network in networks)


def _is_loopback(address: str) -> bool:
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False


class AccessMiddleware:
    """Answers only those who may look, and gives each answer the headers that keep a browser careful.

    Parameters
    ----------
    app
        What is asked then; it finds the user in the scope, under ``user_name``.
    access
        Who may look.
    root
        Path under which a proxy serves the console.
    """

    def __init__(self, app: ASGIApp, access: Access, root: str = "") -> None:
        self._app = app
        self._access = access
        self._open = f"{root}/healthz"
        self._api = f"{root}/api/"

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_carefully(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(_HEADERS)
            await send(message)

        answer = self._refusal(scope)
        await (self._app if answer is None else answer)(scope, receive, send_carefully)

    def _refusal(self, scope: Scope) -> Response | None:
        """Refuse, or take the token out of the address; None: go on."""
        request = Request(scope)
        if request.url.path == self._open:
            return None
        address = request.client.host if request.client else ""
        if self._access.is_local_only and not _names_this_machine(request.headers):
            # A page elsewhere may have had its own name answered with this machine's address.
            return self._refused(request, HTTPStatus.MISDIRECTED_REQUEST, "this name is not this machine's")
        shown = request.query_params.get("token")
        user = self._access.user(address, request.headers.get(USER_HEADER), _tokens(request, shown))
        if user is None:
            text = "sign in first: through the proxy, or with the token once as ?token=..., or as a bearer"
            return self._refused(request, HTTPStatus.UNAUTHORIZED, text)
        scope["user_name"] = user
        return self._with_cookie(request) if shown is not None and user == "token" else None

    def _refused(self, request: Request, status: HTTPStatus, text: str) -> Response:
        headers = {"www-authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else None
        if request.url.path.startswith(self._api):
            return JSONResponse({"error": text}, status, headers)
        return PlainTextResponse(text, status, headers)

    def _with_cookie(self, request: Request) -> Response:
        """Keep the token for the browser, out of what it shows and remembers."""
        rest = urlencode([pair for pair in parse_qsl(request.url.query) if pair[0] != "token"])
        # A path of two slashes would be another host's address.
        path = "/" + request.url.path.lstrip("/")
        answer = RedirectResponse(path + (f"?{rest}" if rest else ""), HTTPStatus.SEE_OTHER)
        answer.set_cookie(
            _COOKIE,
            self._access.fingerprint,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return answer


def _tokens(request: Request, shown: str | None) -> list[str]:
    kind, _, bearer = request.headers.get("authorization", "").partition(" ")
    given = [shown, bearer if kind.lower() == "bearer" else None, request.cookies.get(_COOKIE)]
    return [one for one in given if one]


def _names_this_machine(headers: Headers) -> bool:
    name = headers.get("host", "").rpartition(":")[0] or headers.get("host", "")
    return name.lower() in _LOCAL_NAMES
