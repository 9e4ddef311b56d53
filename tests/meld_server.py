"""A server on this machine that replaces MELD's official repository."""

import http.server
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from modeling_amuse.processing.corpora.meld_download import checksum
from tests.processing.test_meld_copies import table

CONTENTS = {
    name: table().replace("Lunch!", f"Lunch in {name}!").encode()
    for name in ("train_sent_emo.csv", "dev_sent_emo.csv", "test_sent_emo.csv")
}
CHECKSUMS = {name: checksum(contents) for name, contents in CONTENTS.items()}


class MeldServer(http.server.BaseHTTPRequestHandler):
    """Sends [`CONTENTS`] as `how` says: `"whole"`, `"cut"`, `"wrong"` or `"missing"`."""

    how, requests = "whole", []

    def do_GET(self):
        name = self.path.split("/")[-1]
        type(self).requests.append(name)
        contents = CONTENTS.get(name)
        how = self.how if name != "train_sent_emo.csv" else "whole"  # the first file is always sent whole
        if contents is None or how == "missing":
            self.send_error(404)
            return
        if how == "wrong":
            contents = b"<html>Sign in to the hotel's network</html>"
        self.send_response(200)
        self.send_header("Content-Length", str(len(contents)))
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(contents[: len(contents) // 2] if how == "cut" else contents)

    do_HEAD = do_GET

    def log_message(self, *_):
        pass


@contextmanager
def served_meld(monkeypatch) -> Iterator[type[MeldServer]]:
    """Run a server whose address is in `AMUSE_MELD_URL`. Yields its handler with the attributes `how` and `requests`."""
    handler = type("Handler", (MeldServer,), {"requests": []})
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.delenv("AMUSE_MELD_DIR", raising=False)
    monkeypatch.setenv("AMUSE_MELD_URL", f"http://127.0.0.1:{server.server_port}/data/MELD/")
    yield handler
    server.shutdown()
    server.server_close()
