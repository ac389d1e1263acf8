"""A schema registry for tests, which can be shut."""

import json
import ssl
import threading
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import override

__all__ = ["Registry"]


class Registry:
    """Answers ``/schemas/ids/{id}``, and counts the questions; 503 while `is_away` is true.

    Parameters
    ----------
    schemas
        By their ids.
    certificate
        File with the key and certificate to speak TLS with; None: it does not.
    """

    def __init__(self, schemas: Mapping[int, object], certificate: Path | None = None) -> None:
        self.asked: list[str] = []
        self.is_away = False
        answers = {f"/schemas/ids/{number}": schema for number, schema in schemas.items()}
        registry = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                registry.asked.append(self.path)
                if registry.is_away:
                    self.send_error(503)
                    return
                answer = answers.get(self.path)
                body = {"schema": json.dumps(answer)} if answer else {"error_code": 40403}
                self.send_response(200 if answer else 404)
                self.end_headers()
                self.wfile.write(json.dumps(body).encode())

            @override
            def log_message(self, *arguments: object) -> None:
                """Say nothing."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        scheme = "http"
        if certificate is not None:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def shut(self) -> None:
        """Go away for good; harmless if it has."""
        self._server.shutdown()
        self._server.server_close()
