"""A Maven repository of our own on disk, filled by downloads that survive being killed.

jgo resolves what Kafka needs. Its own download writes under the final name, so a killed one would leave
a half jar that looks whole; ours writes beside it, goes on where it stopped, and checks SHA-1 first.
"""

import hashlib
import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Literal

import requests
from jgo.maven import Artifact, Dependency, MavenContext, PythonResolver
from requests.adapters import HTTPAdapter
from urllib3.util import Retry

CONNECT_AND_READ_TIMEOUT: Final = (10.0, 20.0)
"""Seconds without an answer or a byte after which a download is tried again."""
ATTEMPTS: Final = 4
"""How often one file is tried; each goes on where the last one stopped."""
CHUNK: Final = 1 << 16
PARTIAL: Final = ".part"
MOST_WRAPPINGS: Final = 10
"""Exceptions around a reason; three are usual, and a ring of them must end."""
MOST_REASON: Final = 200
"""Characters of a reason: more is no sentence."""

Told = Callable[[str, int, int], None]
"""Called with a file's name, the bytes so far, and the bytes in all once they are known, else 0."""


class BrokenDownload(Exception):
    """A file came incomplete or altered each time."""


class ResumingResolver(PythonResolver):
    """jgo's resolver with downloads that can be resumed."""

    def __init__(self, told: Told) -> None:
        super().__init__()
        self._told = told
        self._done = 0
        self._total = 0
        self._session = requests.Session()
        self._session.headers["Accept-Encoding"] = "identity"  # a range is one of the file's own bytes
        again = Retry(total=3, backoff_factor=0.3, status_forcelist=[429, 500, 502, 503, 504])
        self._session.mount("https://", HTTPAdapter(max_retries=again))
        self._session.mount("http://", HTTPAdapter(max_retries=again))

    def close(self) -> None:
        """Close the connections to the repository."""
        self._session.close()

    def fetch_all(self, artifacts: list[Artifact]) -> list[Path]:
        """Bring files into the repository on disk, their sizes asked for first."""
        missing = [artifact for artifact in artifacts if not _place(artifact).exists()]
        self._done = 0
        self._total = sum(map(self._size, missing))
        return [artifact.resolve() for artifact in artifacts]

    def _size(self, artifact: Artifact) -> int:
        answer = self._session.head(_address(artifact), timeout=CONNECT_AND_READ_TIMEOUT)
        answer.raise_for_status()
        return int(answer.headers.get("Content-Length", 0))

    def download(self, artifact: Artifact) -> Path:
        """Bring one file into the repository on disk, whole or not at all."""
        path = _place(artifact)
        url = _address(artifact)
        path.parent.mkdir(parents=True, exist_ok=True)
        before = self._done
        for _ in range(ATTEMPTS):
            if self._fetch(url, path, before):
                return path
        raise BrokenDownload(url)

    def _fetch(self, url: str, path: Path, before: int) -> bool:
        """Fetch what is missing; False if it broke off, or came altered and was thrown away."""
        part = path.with_name(path.name + PARTIAL)
        checksum = self._append(url, part, before)
        if checksum is None:
            return False
        if _sha1(part) != checksum:
            part.unlink()
            return False
        part.replace(path)
        return True

    def _append(self, url: str, part: Path, before: int) -> str | None:
        """Fetch from where a part ends; gives the whole file's checksum, None if it broke off."""
        have = part.stat().st_size if part.exists() else 0
        wanted = {"Range": f"bytes={have}-"} if have else {}
        with self._session.get(url, headers=wanted, stream=True, timeout=CONNECT_AND_READ_TIMEOUT) as answer:
            if answer.status_code == requests.codes.requested_range_not_satisfiable:
                part.unlink()
                return None
            answer.raise_for_status()
            resumed = answer.status_code == requests.codes.partial_content
            self._done = before + (have if resumed else 0)
            try:
                self._receive(answer, part, "ab" if resumed else "wb")
            except (requests.ConnectionError, requests.exceptions.ChunkedEncodingError):
                return None
            return answer.headers.get("x-checksum-sha1") or self._published_sha1(url)

    def _receive(self, answer: requests.Response, part: Path, mode: Literal["ab", "wb"]) -> None:
        with part.open(mode) as file:
            for chunk in answer.iter_content(CHUNK):
                file.write(chunk)
                self._done += len(chunk)
                self._told(part.stem, self._done, self._total)

    def _published_sha1(self, url: str) -> str:
        answer = self._session.get(f"{url}.sha1", timeout=CONNECT_AND_READ_TIMEOUT)
        answer.raise_for_status()
        return answer.text.split()[0].lower()


def _place(artifact: Artifact) -> Path:
    return artifact.context.repo_cache / artifact.component.path_prefix / artifact.filename


def _address(artifact: Artifact) -> str:
    base = next(iter(artifact.context.remote_repos.values()))
    return f"{base}/{artifact.component.path_prefix.as_posix()}/{artifact.filename}"


def _sha1(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha1").hexdigest()


def _dependency(context: MavenContext, coordinate: str) -> Dependency:
    """A jar to run with; raw, or jgo would let each one's own management of versions rule the others."""
    group, name, version = coordinate.split(":")
    return Dependency(context.project(group, name).at_version(version).artifact(), "compile", raw=True)


@contextmanager
def _quiet_retries() -> Iterator[None]:
    """Without a warning for each try: what is left after the last one is raised."""
    logger = logging.getLogger("urllib3.connectionpool")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(level)


def reason(error: BaseException) -> str:
    """The reason under what requests and urllib3 wrap around it."""
    for _ in range(MOST_WRAPPINGS):
        inner = [getattr(error, "reason", None), *error.args, error.__cause__, error.__context__]
        wrapped = next((each for each in inner if isinstance(each, BaseException)), None)
        if wrapped is None:
            break
        error = wrapped
    return (getattr(error, "strerror", None) or str(error)).rstrip(".")[:MOST_REASON]


def jars(coordinates: list[str], folder: Path, source: str, told: Told) -> list[Path]:
    """The jars of some Maven coordinates and all that they need, downloaded into a folder."""
    resolver = ResumingResolver(told)
    try:
        with _quiet_retries():
            context = MavenContext(resolver=resolver, repo_cache=folder, remote_repos={"source": source})
            wanted = [_dependency(context, coordinate) for coordinate in coordinates]
            given, needed = resolver.resolve(wanted)
            needed = [dependency for dependency in needed if dependency.scope in {"compile", "runtime"}]
            return resolver.fetch_all([dependency.artifact for dependency in [*given, *needed]])
    finally:
        resolver.close()
