"""The format of a node's folder, written without a second Java (which would cost a second).

A folder is formatted once it holds `meta.properties`; `bootstrap.checkpoint` beside it is a snapshot of the
first records of the cluster's metadata log: the levels of Kafka's features, and SCRAM users.
Record batches: https://kafka.apache.org/documentation/#recordbatch ; frames: KIP-631; snapshots: KIP-630.
"""

import base64
import hashlib
import hmac
import os
import secrets
import struct
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from tailrace.broker.crc32c import crc32c

FEATURES: Final = {
    # What `kafka-storage format` of 4.3 chooses; without them transactions and groups stay at level 0.
    "metadata.version": 30,
    "eligible.leader.replicas.version": 1,
    "group.version": 1,
    "share.version": 1,
    "streams.version": 1,
    "transaction.version": 2,
}
SCRAM: Final = {1: "sha256", 2: "sha512"}
SCRAM_ITERATIONS: Final = 4096
CONTROL: Final = 0x20
SNAPSHOT_HEADER: Final = (struct.pack(">hh", 0, 3), struct.pack(">hqb", 0, 0, 0))
SNAPSHOT_FOOTER: Final = (struct.pack(">hh", 0, 4), struct.pack(">hb", 0, 0))
META: Final = "meta.properties"

Entry = tuple[bytes | None, bytes]


def new_id() -> str:
    """A random id in Kafka's form; a leading dash would be taken for an option by Kafka's tools."""
    while (text := base64.urlsafe_b64encode(secrets.token_bytes(16)).rstrip(b"=").decode()).startswith("-"):
        pass
    return text


def format_folder(
    folder: Path, *, cluster_id: str, node_id: int, users: Mapping[str, str], now_ms: int
) -> None:
    """Prepare a node's folder for its first start; a formatted one stays as it is."""
    folder.mkdir(parents=True, exist_ok=True)
    if (folder / META).exists():
        return
    (folder / "bootstrap.checkpoint").write_bytes(bootstrap_checkpoint(users, now_ms))
    lines = {"cluster.id": cluster_id, "directory.id": new_id(), "node.id": str(node_id), "version": "1"}
    draft = folder / f"{META}.draft"
    with draft.open("w") as file:
        file.writelines(f"{name}={value}\n" for name, value in lines.items())
        file.flush()
        os.fsync(file.fileno())
    draft.replace(folder / META)


def cluster_id(folder: Path) -> str | None:
    """The id of the cluster that a folder was formatted for, None if it was not."""
    try:
        text = (folder / META).read_text()
    except FileNotFoundError:
        return None
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line).get("cluster.id")


def bootstrap_checkpoint(users: Mapping[str, str], now_ms: int) -> bytes:
    """A snapshot of the first metadata records."""
    records: list[Entry] = [(None, _feature(name, level)) for name, level in FEATURES.items()]
    records += [(None, _scram(user, text, kind)) for user, text in users.items() for kind in SCRAM]
    return b"".join(
        [
            record_batch([SNAPSHOT_HEADER], base=0, attributes=CONTROL, now_ms=now_ms),
            record_batch(records, base=1, attributes=0, now_ms=now_ms),
            record_batch([SNAPSHOT_FOOTER], base=1 + len(records), attributes=CONTROL, now_ms=now_ms),
        ]
    )


def _feature(name: str, level: int) -> bytes:
    """FeatureLevelRecord, api key 12, version 0, in its frame."""
    return bytes([1, 12, 0]) + _compact(name.encode()) + struct.pack(">h", level) + b"\0"


def _scram(user: str, password: str, mechanism: int) -> bytes:
    """UserScramCredentialRecord, api key 11, version 0, in its frame; the keys as RFC 5802 makes them."""
    hash_name, salt = SCRAM[mechanism], secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac(hash_name, password.encode(), salt, SCRAM_ITERATIONS)
    client_key = hmac.digest(salted, b"Client Key", hash_name)
    stored = hashlib.new(hash_name, client_key).digest()
    server = hmac.digest(salted, b"Server Key", hash_name)
    fields = _compact(user.encode()) + bytes([mechanism]) + b"".join(map(_compact, (salt, stored, server)))
    return bytes([1, 11, 0]) + fields + struct.pack(">i", SCRAM_ITERATIONS) + b"\0"


def record_batch(entries: Sequence[Entry], *, base: int, attributes: int, now_ms: int) -> bytes:
    """One batch of format 2 without a producer, uncompressed."""
    body = struct.pack(
        ">hiqqqhii", attributes, len(entries) - 1, now_ms, now_ms, -1, -1, -1, len(entries)
    ) + b"".join(_record(delta, key, value) for delta, (key, value) in enumerate(entries))
    after_length = struct.pack(">ibI", 0, 2, crc32c(body)) + body
    return struct.pack(">qi", base, len(after_length)) + after_length


def _record(delta: int, key: bytes | None, value: bytes) -> bytes:
    key_part = _zigzag(-1) if key is None else _zigzag(len(key)) + key
    body = b"\0" + _zigzag(0) + _zigzag(delta) + key_part + _zigzag(len(value)) + value + _zigzag(0)
    return _zigzag(len(body)) + body


def _compact(data: bytes) -> bytes:
    return _varint(len(data) + 1) + data


def _zigzag(number: int) -> bytes:
    return _varint((number << 1) ^ (number >> 63))


def _varint(number: int) -> bytes:
    out = bytearray()
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
    return bytes(out)
