"""gunicorn's response writer with the head and the first block in one packet."""

from typing import Any

from gunicorn import util
from gunicorn.http.wsgi import Response as GunicornResponse


class Response(GunicornResponse):  # type: ignore[misc]
    """Keeps an upstream's Date instead of adding a second one; obeys `Connection: close`."""

    def start_response(
        self, status: str, headers: list[tuple[str, str]], exc_info: Any = None
    ) -> Any:
        if any(name == "Connection" and value == "close" for name, value in headers):
            self.force_close()
        return super().start_response(status, headers, exc_info)

    def default_headers(self) -> list[str]:
        version = self.req.version
        lines = [
            f"HTTP/{version[0]}.{version[1]} {self.status}\r\n",
            f"Connection: {'close' if self.should_close() else 'keep-alive'}\r\n",
        ]
        if not any(name.lower() == "date" for name, _ in self.headers):
            lines.append(f"Date: {util.http_date()}\r\n")
        if self.chunked:
            lines.append("Transfer-Encoding: chunked\r\n")
        return lines

    def _head(self) -> bytes:
        lines = self.default_headers()
        lines += [f"{name}: {value}\r\n" for name, value in self.headers]
        self.headers_sent = True
        return ("".join(lines) + "\r\n").encode("latin-1")

    def write(self, arg: bytes) -> None:
        if self._omits_body or not arg:
            self.send_headers()
            return
        if self.response_length is not None:
            arg = arg[: self.response_length - self.sent]
        self.sent += len(arg)
        data = b"%x\r\n%b\r\n" % (len(arg), arg) if self.chunked else arg
        self.sock.sendall(data if self.headers_sent else self._head() + data)

    def send_headers(self) -> None:
        if not self.headers_sent:
            self.sock.sendall(self._head())

    def close(self) -> None:
        self.send_headers()
        if self.chunked:
            self.sock.sendall(b"0\r\n\r\n")
