"""gunicorn's response writer with the head and the first block in one packet."""

from gunicorn import util
from gunicorn.http.errors import InvalidResponseHeader, InvalidResponseHeaderName
from gunicorn.http.message import TOKEN_RE
from gunicorn.http.wsgi import HEADER_VALUE_RE
from gunicorn.http.wsgi import Response as GunicornResponse

from api_gateway.server.body import RequestBody


class Response(GunicornResponse):
    """Keeps an upstream's Date and Server, which gunicorn replaces."""

    request_body: RequestBody

    def process_headers(self, headers: list[tuple[str, str]]) -> None:
        """Take the header lines; raises gunicorn's errors for lines that could split the head."""
        for name, value in headers:
            if not TOKEN_RE.fullmatch(name):
                raise InvalidResponseHeaderName(repr(name))
            if not HEADER_VALUE_RE.fullmatch(value):
                raise InvalidResponseHeader(repr(name))
            lower = name.lower()
            if lower == "connection":
                if value == "close":
                    self.force_close()
                continue
            if lower == "content-length":
                self.response_length = int(value)
            self.headers.append((name, value))

    def default_headers(self) -> list[str]:
        if self.request_body.leaves_much():
            # The rest would have to be read to find the next request on this connection.
            self.force_close()
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
