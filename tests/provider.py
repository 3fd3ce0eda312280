"""An OAuth provider's token endpoint on loopback. Every refresh token works once."""

from __future__ import annotations

import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from typing import Self


class Provider:
    """``with Provider() as provider``: answers at ``provider.url`` until the end of the block."""

    def __init__(self) -> None:
        self.generation = 1
        """Number at the end of the tokens that are good now."""
        self.asked = 0
        self.slow = 0.0
        """Seconds that an answer takes."""
        self.status = 200
        self.garbage = ""
        """Said instead of an answer."""
        self._lock = Lock()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}/token"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(self, *_error: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def fields(self) -> dict[str, object]:
        """A grant with the tokens that are good now."""
        return {"endpoint": self.url, **self._tokens()}

    def _tokens(self) -> dict[str, object]:
        return {
            "access_token": f"access-canary-{self.generation}",
            "refresh_token": f"refresh-canary-{self.generation}",
        }

    def answer(self, token: str) -> tuple[int, str]:
        with self._lock:
            self.asked += 1
            good = token == f"refresh-canary-{self.generation}"
            if good and self.status == 200:
                self.generation += 1
            tokens = json.dumps({**self._tokens(), "expires_in": 3600})
        if good:
            time.sleep(self.slow)
        if self.status != 200 or self.garbage:
            return self.status, self.garbage or "not now"
        return (200, tokens) if good else (400, f"invalid_grant: {token} was used or revoked")

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status, said = provider.answer(body["refresh_token"])
                self.send_response(status)
                self.end_headers()
                self.wfile.write(said.encode())

            def log_message(self, *_arguments: object) -> None:
                pass

        return Handler
