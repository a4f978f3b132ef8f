"""A small OpenID Connect provider in the shape of Entra ID: real HTTP on loopback, signed id tokens, keys that change."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlencode, urlsplit

from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc import jwt
from joserfc.jwk import RSAKey

if TYPE_CHECKING:
    from collections.abc import Iterator

CLIENT_ID = "hedgerow-test"
CLIENT_SECRET = "9f2c7b1e5d8a4c60b3"  # noqa: S105 - of a provider that lives as long as a test


def _new_key(kid: str) -> RSAKey:
    return RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"})


@dataclass
class Provider:
    """The provider, and what the next id token is to say; a test spoils it as it likes."""

    url: str = ""
    claims: dict[str, Any] = field(default_factory=dict)
    """Put over what a right id token says; None takes a claim out."""
    unsigned: bool = False
    """Whether the next id token names the algorithm `none`."""
    key: RSAKey = field(default_factory=lambda: _new_key("first"))
    foreign: RSAKey | None = None
    """Signs in the place of `key`, though nobody is told of it."""
    asked: dict[str, dict[str, str]] = field(default_factory=dict)
    keys_fetched: int = 0

    def rotate(self) -> None:
        """Sign with another key from here on, and tell only of that."""
        self.key = _new_key("second")

    def description(self) -> dict[str, str]:
        """Give what the provider tells of itself."""
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "jwks_uri": f"{self.url}/keys",
        }

    def sent_back(self, query: str) -> str:
        """Give where the browser goes after signing in here, with a code for what it asked."""
        asked = {name: values[0] for name, values in parse_qs(query).items()}
        assert asked["client_id"] == CLIENT_ID
        assert asked["code_challenge_method"] == "S256"
        code = f"code-{len(self.asked)}"
        self.asked[code] = asked
        return f"{asked['redirect_uri']}?{urlencode({'code': code, 'state': asked['state']})}"

    def token_for(self, form: dict[str, str]) -> dict[str, str] | None:
        """Give the id token for a code, once, to whoever proves to have asked for it; else nothing."""
        asked = self.asked.pop(form.get("code", ""), None)
        if asked is None or (form["client_id"], form["client_secret"]) != (CLIENT_ID, CLIENT_SECRET):
            return None
        if create_s256_code_challenge(form["code_verifier"]) != asked["code_challenge"]:
            return None
        return {"id_token": self._id_token(asked["nonce"]), "access_token": "none of ours", "token_type": "Bearer"}

    def _id_token(self, nonce: str) -> str:
        now = int(time.time())
        right = {
            "iss": self.url,
            "sub": "subject-of-kim",
            "aud": CLIENT_ID,
            "iat": now,
            "nbf": now,
            "exp": now + 3600,
            "nonce": nonce,
            "preferred_username": "kim@county.example",
            "roles": ["Hedgerow.Engineer"],
        }
        said = {name: value for name, value in (right | self.claims).items() if value is not None}
        if self.unsigned:
            header, body = ({"alg": "none", "typ": "JWT"}, said)
            return ".".join(_segment(part) for part in (header, body)) + "."
        return jwt.encode({"alg": "RS256", "kid": self.key.kid}, said, self.foreign or self.key)


def _segment(part: dict[str, Any]) -> str:
    from base64 import urlsafe_b64encode

    return urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


@contextmanager
def running_provider() -> Iterator[Provider]:
    """Run a provider on a free port."""
    provider = Provider()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            if parts.path == "/authorize":
                self.send_response(302)
                self.send_header("Location", provider.sent_back(parts.query))
                self.send_header("Content-Length", "0")
                self.end_headers()
            elif parts.path == "/keys":
                provider.keys_fetched += 1
                self._tell({"keys": [provider.key.as_dict(private=False), {"kty": "oct", "k": "AAAA", "use": "enc"}]})
            elif parts.path == "/.well-known/openid-configuration":
                self._tell(provider.description())
            else:
                self._tell({"error": "not_found"}, 404)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            told = provider.token_for({name: values[0] for name, values in parse_qs(body).items()})
            self._tell(told or {"error": "invalid_grant"}, 200 if told else 400)

        def _tell(self, told: dict[str, Any], status: int = 200) -> None:
            body = json.dumps(told).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_arguments: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    provider.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, name="oidc", kwargs={"poll_interval": 0.02})
    thread.start()
    try:
        yield provider
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
