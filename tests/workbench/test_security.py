"""Nobody but the browser with the link gets anything, and nothing takes the server down."""

import http.client
import re
import socket
from concurrent.futures import ThreadPoolExecutor
from http.cookies import SimpleCookie

import pytest
import requests

PATHS = [
    "/", "/label", "/queues", "/raters", "/export", "/report.css", "/static/grid.js", "/image/0",
    "/labels.csv", "/agreement.csv", "/api/about", "/api/rows", "/api/rows?queue=random-audit",
    "/api/queues", "/api/raters", "/api/tiles?rows=0", "/nothing",
    "/look", "/drop", "/api/image/0", "/api/counts/0", "/display/0", "/map/row-0/0", "/training/0",
    "/upload/1", "/map", "/api/map/places", "/api/map/groups?column=label",
    "/api/map/codes?column=label", "/api/rows?area=0.0-9.0-9.9",
]  # fmt: skip
WRITES = {
    "/api/answers": {"rater": "ann", "row": 0, "answer": ["disc"], "queue": "", "key": "k"},
    "/api/undo": {"rater": "ann"},
    "/api/shown": {"rater": "ann", "rows": [0]},
    "/api/look": {"rater": "ann", "row": 0},
    "/api/why": {"rater": "ann", "row": 0},
    "/api/uploads": {},
    "/api/map": {},
    "/api/uploads/1": {},
}


@pytest.fixture(scope="module")
def session(bench):
    return bench.session()


def alive(bench, session) -> bool:
    return session.get(f"{bench.url}/api/rows").status_code == 200


def port(bench) -> int:
    return int(bench.url.rpartition(":")[2])


def test_without_the_cookie_nothing_is_answered(bench):
    for path in PATHS:
        answer = requests.get(bench.url + path)
        assert (answer.status_code, answer.headers["content-type"]) == (
            403, "text/plain; charset=utf-8",
        )  # fmt: skip
        assert "Galaxies" not in answer.text


def test_a_link_is_exchanged_once_for_a_cookie_that_scripts_cannot_read(bench):
    link = bench.links[-1]
    token = link.partition("token=")[2]
    answer = requests.get(link, allow_redirects=False)
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    (cookie,) = SimpleCookie(answer.headers["set-cookie"]).values()
    assert cookie["httponly"]
    assert cookie["samesite"].lower() == "strict"
    assert token not in cookie.value
    assert len(cookie.value) >= 32
    assert requests.get(link).status_code == 403  # used
    assert bench.links[-1] != link
    assert requests.get(bench.links[-1]).status_code == 200  # that of the next browser
    for path in (f"/?token={token}x", "/?token=", "/?token=%ff%00", f"/label?token={token}"):
        assert requests.get(bench.url + path).status_code == 403


def test_secrets_are_compared_in_constant_time(bench, session, monkeypatch):
    from hubblefork.workbench import security

    compared = []
    real = security.hmac.compare_digest

    def watched(one, other):
        compared.append(one)
        return real(one, other)

    monkeypatch.setattr(security.hmac, "compare_digest", watched)
    cookie = {f"hubblefork-{port(bench)}": "wrong"}
    assert requests.get(bench.url, cookies=cookie).status_code == 403
    assert requests.get(f"{bench.url}/?token=guess").status_code == 403
    # With every session, not only up to the first that is the same.
    assert compared.count(b"wrong") >= 1
    assert b"guess" in compared


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:{port}", "127.0.0.1.evil.example:{port}", "127.0.0.1",
     "127.0.0.1:1", "localhost@evil.example:{port}", "10.0.0.1:{port}", ""],
)  # fmt: skip
def test_another_name_is_not_answered(bench, session, host):
    headers = {"Host": host.format(port=port(bench))}
    assert session.get(f"{bench.url}/api/about", headers=headers).status_code == 403
    assert requests.get(bench.links[-1], headers=headers).status_code == 403


def test_its_own_names_are_answered(bench, session):
    for host in ("127.0.0.1", "localhost", "[::1]"):
        headers = {"Host": f"{host}:{port(bench)}"}
        assert session.get(f"{bench.url}/api/about", headers=headers).status_code == 200


def test_bound_to_all_addresses_names_are_still_refused():
    from hubblefork.workbench.security import Access, Guard

    guard = Guard(None, Access(print), "0.0.0.0", 80)
    assert [guard.is_ours(each) for each in ("192.168.1.7:80", "[fe80::1]:80", "localhost:80")] == [
        True
    ] * 3
    assert [guard.is_ours(each) for each in ("lab.example:80", "192.168.1.7:81", ":80")] == [
        False
    ] * 3


@pytest.mark.parametrize(
    "changes",
    [{"Origin": None}, {"Origin": "http://evil.example"}, {"Origin": "null"},
     {"X-Hubblefork": None}, {"X-Hubblefork": "0"}, {"Origin": "https://127.0.0.1"}],
)  # fmt: skip
def test_another_page_cannot_write(bench, session, changes):
    before = bench.labels.read_bytes()
    for path, content in WRITES.items():
        answer = session.post(bench.url + path, json=content, headers=changes)
        assert answer.status_code == 403
    assert bench.labels.read_bytes() == before


def test_get_never_writes(bench, session):
    before = bench.labels.read_bytes()
    for path in PATHS:
        session.get(bench.url + path)
        session.head(bench.url + path)
    for path in WRITES:
        assert session.get(bench.url + path).status_code == 405
    assert bench.labels.read_bytes() == before


def test_every_answer_says_what_a_browser_may_do(bench, session):
    answers = [session.get(bench.url + path) for path in PATHS]
    answers += [requests.get(bench.url), session.put(bench.url), session.post(bench.url)]
    for answer in answers:
        policy = answer.headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "frame-ancestors 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"


def test_other_origins_are_never_allowed(bench, session):
    headers = {
        "Origin": "http://evil.example", "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "x-hubblefork",
    }  # fmt: skip
    for method in ("OPTIONS", "GET", "POST"):
        answer = session.request(method, f"{bench.url}/api/answers", headers=headers)
        assert not [name for name in answer.headers if name.lower().startswith("access-control")]
        assert answer.status_code in (403, 405)


def test_pages_have_no_code_in_them(bench, session):
    for path in ("/", "/map", "/label", "/queues", "/raters", "/export", "/look", "/drop"):
        page = session.get(bench.url + path).text
        assert re.findall('<script(?! type="module" src="/static/)', page) == []
        assert re.findall(r"<style|\sstyle=|\son\w+=|javascript:|https?://", page) == []


@pytest.mark.parametrize(
    "path",
    ["/image/60", "/image/-1", "/image/abc", "/image/..%2f..%2fetc%2fpasswd", "/image/0/x",
     "/image//etc/passwd", "/static/../app.py", "/static/%2e%2e/app.py", "/static/..%2fapp.py",
     "/static//etc/passwd", "/labels.jsonl", "/labels.csv%00", "/labels.../x",
     "/api/tiles?rows=99", "/api/tiles?rows=a", "/api/image/60", "/api/image/-1",
     "/display/..%2f..%2fetc%2fpasswd", "/display/60", "/display//etc/passwd", "/upload/1",
     "/upload/..%2fapp.py", "/map/..%2f..%2fetc/0", "/map/row-0/0", "/training/0"],
)  # fmt: skip
def test_no_path_leads_to_a_file(bench, session, path):
    # As it stands: a client would resolve the dots.
    connection = http.client.HTTPConnection("127.0.0.1", port(bench))
    connection.request("GET", path, headers={"Cookie": session.headers["Cookie"]})
    answer = connection.getresponse()
    assert answer.status in (400, 404)
    assert b"import" not in answer.read()
    connection.close()


@pytest.mark.parametrize(
    "content",
    [b"", b"no json", b"[]", b"{}", b"[" * 60_000, b'{"rater": "ann", "row": 0}', b"\xff",
     b'{"rater": "ann", "row": true, "answer": ["disc"], "queue": "", "key": "k"}',
     b'{"rater": "ann", "row": 99, "answer": ["disc"], "queue": "", "key": "k"}',
     b'{"rater": "", "row": 0, "answer": ["disc"], "queue": "", "key": "k"}',
     b'{"rater": "a\\nb", "row": 0, "answer": ["disc"], "queue": "", "key": "k"}',
     b'{"rater": "ann", "row": 0, "answer": ["elephant"], "queue": "", "key": "k"}',
     b'{"rater": "ann", "row": 0, "answer": [["disc"]], "queue": "", "key": "k"}',
     b'{"rater": "ann", "row": 0, "answer": ["disc"], "queue": "nothing=1", "key": "k"}',
     b'{"rater": "ann", "row": 0, "answer": ["disc"], "queue": "queue=corrected", "key": "k"}'],
)  # fmt: skip
def test_what_is_no_answer_is_one_line_and_nothing_is_stored(bench, session, content):
    before = bench.labels.read_bytes()
    answer = session.post(f"{bench.url}/api/answers", data=content)
    assert answer.status_code == 400
    assert "\n" not in answer.json()["error"]
    assert bench.labels.read_bytes() == before


def test_a_large_request_is_not_read_to_its_end(bench, session):
    assert session.post(f"{bench.url}/api/answers", data=b"x" * 200_000).status_code == 413
    rows = {"rater": "ann", "rows": [0] * 2000}
    assert session.post(f"{bench.url}/api/shown", json=rows).status_code == 413
    assert alive(bench, session)


def connected(bench, text: bytes = b"") -> socket.socket:
    client = socket.create_connection(("127.0.0.1", port(bench)), timeout=30)
    client.sendall(text)
    return client


def test_slow_clients_are_hung_up_on_and_others_are_answered(bench, session, monkeypatch):
    monkeypatch.setattr("hubblefork.workbench.server.REQUEST_SECONDS", 0.3)
    monkeypatch.setattr("hubblefork.workbench.bodies.BODY_SECONDS", 0.3)
    head = f"POST /api/undo HTTP/1.1\r\nHost: 127.0.0.1:{port(bench)}\r\n"
    head += f"Cookie: {session.headers['Cookie']}\r\n"
    head += f"Origin: {bench.url}\r\nX-Hubblefork: 1\r\nContent-Length: 50\r\n\r\n{{"
    silent = [connected(bench) for _ in range(20)]
    begun = [connected(bench, b"GET / HTTP/1.1\r\nHost: ") for _ in range(20)]
    slow = [connected(bench, head.encode()) for _ in range(20)]
    # A whole request, refused, and then the beginning of another.
    refused = f"GET / HTTP/1.1\r\nHost: 127.0.0.1:{port(bench)}\r\n\r\n".encode()
    again = [connected(bench, refused) for _ in range(20)]
    for client in again:
        told = b""
        while not told.endswith(b"has printed\n"):
            told += client.recv(2000)
        client.sendall(b"GET / HT")
    assert alive(bench, session)
    for client in silent + begun + again:
        assert client.recv(100) == b""
    for client in slow:
        assert client.recv(100).startswith(b"HTTP/1.1 413")
    for client in silent + begun + slow + again:
        client.close()


def test_a_flood_leaves_it_alive(bench, session):
    request = f"GET /api/about HTTP/1.1\r\nHost: 127.0.0.1:{port(bench)}\r\n\r\n".encode()
    with ThreadPoolExecutor(50) as pool:
        clients = list(pool.map(lambda _: connected(bench, request), range(1000)))
    answered = [client.recv(100)[:12] for client in clients]
    assert set(answered) <= {b"HTTP/1.1 403", b"HTTP/1.1 503"}
    assert answered.count(b"HTTP/1.1 403") > 500
    for client in clients:
        client.close()
    assert alive(bench, session)


def test_answers_of_many_at_once_are_all_stored_once(serve):
    from tests.workbench.conftest import collection

    bench = serve(collection(60))
    session = bench.session()
    headers = session.headers

    def answer(number: int) -> int:
        content = {"rater": f"rater {number % 2}", "row": number % 60, "answer": ["disc"]}
        content |= {"queue": "", "key": str(number)}
        url = f"{bench.url}/api/answers"
        return requests.post(url, json=content, headers=headers).status_code

    with ThreadPoolExecutor(16) as pool:
        assert set(pool.map(answer, range(120))) == {200}
    kinds = [line.partition('"kind": "')[2].partition('"')[0] for line in bench.events()]
    assert kinds.count("answer") == 120
