"""Python's http.server as it is: HTTP/1.0, one thread for each connection. `server.py <address>` listens on 8010."""
import hashlib
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit


class Handler(BaseHTTPRequestHandler):
    def answer(self):
        path = urlsplit(self.path).path
        if path == "/plain":
            self.say(200, b"hello\n")
        elif path == "/chunked":
            self.begin(200)
            for part in (b"one\n", b"two\n"):
                self.write(part)
                self.wfile.flush()
        elif path == "/empty":
            self.begin(204)
        elif path == "/same":
            self.begin(304, {"ETag": '"v1"'}.items())
        elif path == "/error":
            self.say(500, b"it failed\n")
        elif path == "/moved":
            self.say(302, b"", {"Location": "/plain"}.items())
        elif path == "/cookies":
            self.say(200, b"", [("Set-Cookie", "a=1"), ("Set-Cookie", "b=2; Path=/")])
        elif path == "/many":
            self.say(200, b"", [("X-Many", "one"), ("X-Many", "two")])
        elif path == "/big":
            self.say(200, b"0123456789abcdef" * 65536)
        elif path == "/refuse":
            # What is left unread when a connection closes can cost its client the answer.
            if self.headers["Expect"] is None:
                self.body()
            self.say(417, b"")
        elif path == "/broken":
            self.begin(200, {"Content-Length": "100"}.items())
            self.write(b"one\n")
        elif path == "/echo":
            self.echo()
        else:
            self.say(404, b"")

    # The methods that the table sends.
    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = do_PROPFIND = answer

    def handle_expect_100(self):
        return True if urlsplit(self.path).path == "/refuse" else super().handle_expect_100()

    def begin(self, status, headers=()):
        self.send_response(status)
        self.send_header("X-App", "python")
        self.send_header("Content-Type", "text/plain")
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()

    def write(self, part):
        if self.command != "HEAD":
            self.wfile.write(part)

    def say(self, status, body, headers=()):
        self.begin(status, [*headers, ("Content-Length", str(len(body)))])
        self.write(body)

    def echo(self):
        """Says what of the request came."""
        body = self.body()
        h = self.headers
        text = (
            f"{self.command} {self.path} body={len(body)} {hashlib.sha256(body).hexdigest()[:12]} "
            f"type={h['Content-Type']} test={'|'.join(h.get_all('X-Test', []))} agent={'User-Agent' in h}\n"
        )
        self.say(200, text.encode(), {"X-Host": h["Host"]}.items())

    def body(self):
        if self.headers["Transfer-Encoding"] is None:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))
        parts = []
        while size := int(self.rfile.readline().split(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        while self.rfile.readline().strip():
            pass
        return b"".join(parts)

    def log_message(self, *_):
        pass


server = ThreadingHTTPServer((sys.argv[1], 8010), Handler)
print('{"ready":true}', flush=True)
server.serve_forever()
