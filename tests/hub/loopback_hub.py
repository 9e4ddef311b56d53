"""
A Hub on this machine, made with `http.server`: the routes that huggingface_hub, transformers and datasets call to create a
repository, commit to it, tag it and download it. It keeps everything in memory, checks tokens and checksums, and answers
errors with the codes and headers of the real Hub.
"""

import base64
import hashlib
import json
import re
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from urllib.parse import parse_qs, unquote, urlsplit

import yaml

TOKENS = {"hf_loopback": "user"}
"""The user of each token, who can only write to repositories of their own."""
LFS_SUFFIXES = (".safetensors", ".parquet", ".png", ".bin", ".arrow")
DATE = "2026-01-01T00:00:00.000Z"


class File:
    """A file of a commit, with the checksum by which the Hub knows it: git's, or SHA-256 for a large one."""

    def __init__(self, content: bytes, is_large: bool):
        self.content = content
        self.is_large = is_large
        self.blob_id = hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
        self.oid = hashlib.sha256(content).hexdigest() if is_large else self.blob_id

    def entry(self, path: str) -> dict:
        entry = {"type": "file", "path": path, "size": len(self.content), "oid": self.blob_id}
        return entry | (
            {"lfs": {"oid": self.oid, "size": len(self.content), "pointerSize": 134}} if self.is_large else {}
        )


@dataclass
class Repository:
    """Commits by their hash, the newest last, and tags."""

    private: bool
    commits: dict[str, dict[str, File]] = field(default_factory=dict)
    messages: list[str] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)

    def commit(self, files: dict[str, File], message: str) -> str:
        oids = sorted((path, file.oid) for path, file in files.items())
        oid = hashlib.sha1(repr((oids, message, len(self.commits))).encode()).hexdigest()
        self.commits[oid] = files
        self.messages.append(message)
        return oid

    @property
    def head(self) -> str:
        return next(reversed(self.commits))

    def resolve(self, revision: str) -> str | None:
        if revision == "main":
            return self.head
        return self.tags.get(revision, revision if revision in self.commits else None)


class HubError(Exception):
    """An answer with an error."""

    def __init__(self, status: int, message: str, code: str | None = None):
        super().__init__(message)
        self.status, self.code = status, code


class LoopbackHub:
    """
    A context manager in which the Hub runs.

    Attributes:
        repositories: by their type (`"model"` or `"dataset"`) and id.
        requests: method and path of each request.
        full: ids of repositories whose uploads of large files fail.
    """

    def __init__(self):
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[tuple[str, str]] = []
        self.full: set[str] = set()
        self.lock = Lock()
        handler = type("Handler", (_Handler,), {"hub": self})
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self._server.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self):
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()

    def environment(self, home, token: str | None = "hf_loopback") -> dict[str, str]:
        """The environment variables with which a process uses this Hub and keeps its downloads in the folder `home`."""
        variables = {
            "HF_ENDPOINT": self.endpoint,
            "HF_HOME": str(home),
            "HF_HUB_DISABLE_XET": "1",
            "HF_HUB_OFFLINE": "0",
        }
        return variables | {"HF_HUB_DISABLE_TELEMETRY": "1"} | ({"HF_TOKEN": token} if token else {})


def _route(method: str, pattern: str):
    def mark(function):
        function.route = (method, re.compile(pattern))
        return function

    return mark


REPO = r"/api/(?P<kind>model|dataset)s/(?P<repo_id>[^/]+/[^/]+)"
FILE = r"/(?P<prefix>datasets/)?(?P<repo_id>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)"


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: LoopbackHub

    # The user and the repository of a request

    def _user(self) -> str | None:
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token and token not in TOKENS:
            raise HubError(401, "Invalid username or password.")
        return TOKENS.get(token)

    def _check_writer(self, repo_id: str):
        user = self._user()
        if user is None:
            raise HubError(401, "Invalid username or password.")
        if repo_id.split("/")[0] != user:
            raise HubError(403, "You don't have the rights to write to this namespace.")

    def _repository(self, kind: str, repo_id: str) -> Repository:
        repository = self.hub.repositories.get((kind, repo_id))
        if repository is None or (repository.private and self._user() != repo_id.split("/")[0]):
            raise HubError(404 if self._user() else 401, "Repository not found", "RepoNotFound")
        return repository

    def _commit(self, kind: str, repo_id: str, revision: str) -> tuple[Repository, str]:
        repository = self._repository(kind, repo_id)
        commit = repository.resolve(unquote(revision))
        if commit is None:
            raise HubError(404, f"Invalid rev id: {revision}", "RevisionNotFound")
        return repository, commit

    # The routes

    @_route("GET", r"/api/whoami-v2")
    def whoami(self):
        user = self._user()
        if user is None:
            raise HubError(401, "Invalid username or password.")
        return {"type": "user", "name": user, "orgs": [], "auth": {"type": "access_token"}}

    @_route("POST", r"/api/repos/create")
    def create(self):
        asked = json.loads(self.body)
        repo_id = f"{asked.get('organization') or self._user()}/{asked['name']}"
        self._check_writer(repo_id)
        kind = asked.get("type") or "model"
        url = f"{self.hub.endpoint}/{'datasets/' if kind == 'dataset' else ''}{repo_id}"
        with self.hub.lock:
            if (kind, repo_id) in self.hub.repositories:
                self._answer(409, {"error": f"You already created this {kind} repo", "url": url})
                return None
            repository = Repository(asked.get("visibility") == "private" or bool(asked.get("private")))
            repository.commit({".gitattributes": File(b"*.safetensors filter=lfs\n", False)}, "initial commit")
            self.hub.repositories[kind, repo_id] = repository
        return {"url": url, "name": repo_id}

    @_route("POST", r"/api/validate-yaml")
    def validate_yaml(self):
        content = json.loads(self.body)["content"]
        match = re.match(r"---\n(.*?)\n---", content, re.DOTALL)
        errors = []
        try:
            if match and not isinstance(yaml.safe_load(match[1]), dict):
                errors.append({"message": "metadata must be a mapping"})
        except yaml.YAMLError as error:
            errors.append({"message": str(error)})
        if errors:
            self._answer(400, {"errors": errors, "warnings": []})
            return None
        return {"errors": [], "warnings": []}

    @_route("GET", REPO + r"(?:/revision/(?P<revision>[^/]+))?")
    def info(self, kind, repo_id, revision):
        repository, commit = self._commit(kind, repo_id, revision or "main")
        siblings = [{"rfilename": path} for path in sorted(repository.commits[commit])]
        about = {"id": repo_id, "_id": "0", "sha": commit, "private": repository.private, "siblings": siblings}
        about |= {"tags": [], "downloads": 0, "likes": 0, "createdAt": DATE, "lastModified": DATE, "disabled": False}
        return about | {"modelId": repo_id, "gated": False}

    @_route("GET", REPO + r"/refs")
    def refs(self, kind, repo_id):
        repository = self._repository(kind, repo_id)
        tags = [{"name": t, "ref": f"refs/tags/{t}", "targetCommit": c} for t, c in repository.tags.items()]
        main = {"name": "main", "ref": "refs/heads/main", "targetCommit": repository.head}
        return {"branches": [main], "tags": tags, "converts": []}

    @_route("GET", REPO + r"/tree/(?P<revision>[^/]+)(?:/(?P<path>.+))?")
    def tree(self, kind, repo_id, revision, path):
        repository, commit = self._commit(kind, repo_id, revision)
        files = repository.commits[commit]
        prefix = f"{unquote(path)}/" if path else ""
        inside = {name: file for name, file in files.items() if name.startswith(prefix)}
        if prefix and not inside:
            raise HubError(404, f"{path} does not exist on {revision}", "EntryNotFound")
        recursive = parse_qs(urlsplit(self.path).query).get("recursive", ["false"])[0].lower() in ("true", "1")
        entries = {}
        for name, file in sorted(inside.items()):
            folders = name[len(prefix) :].split("/")[:-1]
            for depth in range(1, len(folders) + 1) if recursive else range(1, min(1, len(folders)) + 1):
                folder = prefix + "/".join(folders[:depth])
                entries[folder] = _folder(folder)
            if recursive or not folders:
                entries[name] = file.entry(name)
        return list(entries.values())

    @_route("POST", REPO + r"/paths-info/(?P<revision>[^/]+)")
    def paths_info(self, kind, repo_id, revision):
        repository, commit = self._commit(kind, repo_id, revision)
        files = repository.commits[commit]
        is_json = "json" in self.headers.get("Content-Type", "")
        asked = json.loads(self.body)["paths"] if is_json else parse_qs(self.body.decode()).get("paths", [])
        found = [files[path].entry(path) for path in asked if path in files]
        return found + [_folder(path) for path in asked if any(name.startswith(f"{path}/") for name in files)]

    @_route("POST", REPO + r"/preupload/(?P<revision>[^/]+)")
    def preupload(self, kind, repo_id, revision):
        self._check_writer(repo_id)
        repository, commit = self._commit(kind, repo_id, revision)
        files = repository.commits[commit]
        answers = []
        for asked in json.loads(self.body)["files"]:
            path = asked["path"]
            mode = "lfs" if path.endswith(LFS_SUFFIXES) else "regular"
            there = {"oid": files[path].oid} if path in files else {}
            answers.append({"path": path, "uploadMode": mode, "shouldIgnore": False, **there})
        return {"files": answers}

    @_route("POST", r"/(?P<prefix>datasets/)?(?P<repo_id>[^/]+/[^/]+)\.git/info/lfs/objects/batch")
    def lfs_batch(self, prefix, repo_id):
        self._check_writer(repo_id)
        answers = []
        for asked in json.loads(self.body)["objects"]:
            place = "full" if repo_id in self.hub.full else "lfs-objects"
            upload = {"upload": {"href": f"{self.hub.endpoint}/{place}/{asked['oid']}", "header": {}}}
            there = asked["oid"] in self.hub.objects
            answers.append({"oid": asked["oid"], "size": asked["size"], **({} if there else {"actions": upload})})
        return {"transfer": "basic", "objects": answers}

    @_route("PUT", r"/lfs-objects/(?P<oid>[0-9a-f]{64})")
    def put_object(self, oid):
        if hashlib.sha256(self.body).hexdigest() != oid:
            raise HubError(400, "The checksum is wrong.")
        self.hub.objects[oid] = self.body
        return {}

    @_route("PUT", r"/full/[0-9a-f]{64}")
    def refuse_object(self):
        raise HubError(413, "The storage is full.")

    @_route("POST", REPO + r"/commit/(?P<revision>[^/]+)")
    def commit(self, kind, repo_id, revision):
        self._check_writer(repo_id)
        lines = [json.loads(line) for line in self.body.splitlines() if line]
        with self.hub.lock:
            repository, head = self._commit(kind, repo_id, revision)
            files = dict(repository.commits[head])
            header = lines[0]["value"]
            if header.get("parentCommit") not in (None, head):
                raise HubError(412, "A commit has happened since. Please refresh and try again.")
            for line in lines[1:]:
                value = line["value"]
                if line["key"] == "file":
                    files[value["path"]] = File(base64.b64decode(value["content"]), False)
                elif line["key"] == "lfsFile":
                    if value["oid"] not in self.hub.objects:
                        raise HubError(400, f"The object of {value['path']} was not uploaded.")
                    files[value["path"]] = File(self.hub.objects[value["oid"]], True)
                elif line["key"] == "deletedFile":
                    del files[value["path"]]
                else:
                    raise HubError(400, f"Unknown operation {line['key']}.")
            oid = repository.commit(files, header["summary"])
        url = f"{self.hub.endpoint}/{'datasets/' if kind == 'dataset' else ''}{repo_id}/commit/{oid}"
        return {"success": True, "commitOid": oid, "commitUrl": url, "hookOutput": ""}

    @_route("POST", REPO + r"/tag/(?P<revision>[^/]+)")
    def tag(self, kind, repo_id, revision):
        self._check_writer(repo_id)
        repository, commit = self._commit(kind, repo_id, revision)
        name = json.loads(self.body)["tag"]
        if name in repository.tags:
            raise HubError(409, f"The tag {name} exists already.")
        repository.tags[name] = commit
        return {}

    @_route("GET", FILE)
    def resolve(self, prefix, repo_id, revision, path):
        repository, commit = self._commit("dataset" if prefix else "model", repo_id, revision)
        file = repository.commits[commit].get(unquote(path))
        if file is None:
            raise HubError(404, "Entry not found", "EntryNotFound")
        headers = {"X-Repo-Commit": commit, "ETag": f'"{file.oid}"', "Accept-Ranges": "bytes"}
        if file.is_large:
            headers |= {"X-Linked-Size": str(len(file.content)), "X-Linked-ETag": f'"{file.oid}"'}
        content, status = file.content, 200
        asked = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", ""))
        if asked:
            first, last = int(asked[1]), int(asked[2] or len(content) - 1)
            headers["Content-Range"] = f"bytes {first}-{min(last, len(content) - 1)}/{len(content)}"
            content, status = content[first : last + 1], 206
        self._answer(status, content, headers)

    # HTTP

    def _serve(self):
        self.body = self._read_body()
        path = urlsplit(self.path).path
        self.hub.requests.append((self.command, path))
        method = "GET" if self.command == "HEAD" else self.command
        try:
            for function in ROUTES:
                wanted, pattern = function.route
                match = pattern.fullmatch(path)
                if wanted == method and match:
                    result = function(self, **match.groupdict())
                    if result is not None:
                        self._answer(200, result)
                    return
            raise HubError(404, f"There is no route {method} {path}.")
        except HubError as error:
            headers = {"X-Error-Message": str(error)} | ({"X-Error-Code": error.code} if error.code else {})
            self._answer(error.status, {"error": str(error)}, headers)

    do_GET = do_HEAD = do_POST = do_PUT = _serve

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding", "") == "chunked":
            chunks = []
            while size := int(self.rfile.readline(), 16):
                chunks.append(self.rfile.read(size))
                self.rfile.readline()
            self.rfile.readline()
            return b"".join(chunks)
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _answer(self, status: int, result, headers: dict[str, str] | None = None):
        body = result if isinstance(result, bytes) else json.dumps(result).encode()
        self.send_response(status)
        kind = "application/octet-stream" if isinstance(result, bytes) else "application/json"
        for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
            self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_):
        pass


def _folder(path: str) -> dict:
    return {"type": "directory", "path": path, "size": 0, "oid": hashlib.sha1(path.encode()).hexdigest()}


ROUTES = [member for member in vars(_Handler).values() if hasattr(member, "route")]
