"""Python's clients: `client.py http.client|urllib|requests` reads cells from standard input and prints what it saw."""
import hashlib
import http.client
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

TIME = 5
which = sys.argv[1]


def main():
    ask = {"http.client": ask_http_client, "urllib": ask_urllib, "requests": ask_requests}[which]
    for line in sys.stdin:
        server, name, method, url, host, size, flags, *headers = line.rstrip("\n").split("\t")
        body = None if size == "" else b"x" * int(size)
        fields = [("Host", host), *(tuple(header.split("=", 1)) for header in headers)]
        if "chunked" in flags:
            body = iter([body[: len(body) // 2], body[len(body) // 2 :]])
        try:
            status, came, content = ask(server, method, url, body, fields)
            say(server, name, "status", status)
            for field in sorted({field.lower() for field, _ in came}):
                values = [value for other, value in came if other.lower() == field]
                say(server, name, f"header {field}", " | ".join(values))
            say(server, name, "body", content if len(content) < 300 else hashlib.sha256(content).hexdigest())
        except TimeoutError:
            say(server, name, "error", "timed out")
        except Exception as error:
            say(server, name, "error", "timed out" if "timed out" in str(error) else "failed")


def say(server, name, field, value):
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    print(server, name, field, " ".join(text.split("\n")).replace("\t", " "), sep="\t", flush=True)


connections = {}


def ask_http_client(server, method, url, body, fields):
    """One connection for each server; it is opened again where the server has closed it."""
    parts = urlsplit(url)
    connection = connections.setdefault(server, http.client.HTTPConnection(parts.netloc, timeout=TIME))
    target = parts.path + (f"?{parts.query}" if parts.query else "")
    try:
        connection.putrequest(method, target, skip_host=True)
        chunked = body is not None and not isinstance(body, bytes)
        if chunked:
            fields = [*fields, ("Transfer-Encoding", "chunked")]
        elif body is not None:
            fields = [*fields, ("Content-Length", str(len(body)))]
        for field, value in fields:
            connection.putheader(field, value)
        connection.endheaders(body, encode_chunked=chunked)
        response = connection.getresponse()
        return response.status, response.getheaders(), response.read()
    except Exception:
        connection.close()
        raise


class Stay(urllib.request.HTTPRedirectHandler):
    def redirect_request(self, *_):
        return None


opener = urllib.request.build_opener(Stay, urllib.request.ProxyHandler({}))


def ask_urllib(_, method, url, body, fields):
    """A connection for each request."""
    request = urllib.request.Request(url, data=body, method=method)
    for field, value in fields:
        request.add_header(field, value)
    try:
        response = opener.open(request, timeout=TIME)
    except urllib.error.HTTPError as error:
        response = error
    with response:
        return response.status, response.getheaders(), response.read()


if which == "requests":
    import requests

    session = requests.Session()
    session.trust_env = False


def ask_requests(_, method, url, body, fields):
    response = session.request(method, url, data=body, headers=dict(fields), timeout=TIME, allow_redirects=False)
    return response.status_code, list(response.headers.items()), response.content


main()
