"""The format of a node's folder."""

import struct

from tailrace.broker import storage
from tailrace.broker.crc32c import crc32c

NOW_MS = 1_700_000_000_000


def batches(data):
    """Split into batches, checking each one's checksum; gives base offset, attributes and count."""
    while data:
        base, length = struct.unpack_from(">qi", data)
        crc, attributes = struct.unpack_from(">Ih", data, 17)
        assert crc == crc32c(data[21 : 12 + length])
        yield base, attributes, struct.unpack_from(">i", data, 57)[0]
        data = data[12 + length :]


def test_crc32c_gives_the_published_check_value():
    """CRC-32C of the nine digits is known."""
    assert crc32c(b"123456789") == 0xE3069283


def test_a_checkpoint_is_a_header_the_records_and_a_footer():
    """Offsets go on from batch to batch, as Kafka's reader demands."""
    made = list(batches(storage.bootstrap_checkpoint({}, NOW_MS)))
    features = len(storage.FEATURES)
    assert made == [(0, 0x20, 1), (1, 0, features), (features + 1, 0x20, 1)]


def test_the_control_batches_are_those_of_kafkas_own_tool():
    """Byte for byte what `kafka-storage format` of 4.3.1 wrote, but for its clock."""
    made = storage.record_batch([storage.SNAPSHOT_HEADER], base=0, attributes=0x20, now_ms=0x01A1FD9A9A56)
    assert made.hex() == (
        "0000000000000000000000470000000002b7d53fa6002000000000000001a1fd9a9a56000001a1fd9a9a56ffff"
        "ffffffffffffffffffffffff000000012a000000080000000316000000000000000000000000"
    )


def test_a_feature_record_is_that_of_kafkas_own_tool():
    """Frame, api key, version, name, level, no tags."""
    assert storage._feature("group.version", 1).hex() == "010c000e67726f75702e76657273696f6e000100"


def test_each_user_gets_both_scram_mechanisms():
    """A client may choose SHA-256 or SHA-512."""
    plain, with_user = (list(batches(storage.bootstrap_checkpoint(u, NOW_MS))) for u in ({}, {"ann": "x"}))
    assert with_user[1][2] == plain[1][2] + 2


def test_formatting_twice_changes_nothing(tmp_path):
    """The data of earlier starts stay."""
    for cluster in ("first", "second"):
        storage.format_folder(tmp_path, cluster_id=cluster, node_id=1, users={}, now_ms=NOW_MS)
    assert storage.cluster_id(tmp_path) == "first"


def test_an_unformatted_folder_has_no_cluster(tmp_path):
    """That is how a first start is known."""
    assert storage.cluster_id(tmp_path) is None


def test_ids_have_kafkas_form():
    """22 characters, none of them a leading dash, which Kafka's tools take for an option."""
    ids = {storage.new_id() for _ in range(500)}
    assert len(ids) == 500
    assert all(len(text) == 22 and text[0] != "-" for text in ids)
