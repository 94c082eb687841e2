"""Keys and certificates for tests, made by the keytool that comes with Java."""

import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Final

PASSWORD: Final = "changeit"  # noqa: S105  # of key stores that live as long as a test
KEYTOOL_SECONDS: Final = 30


@dataclass(frozen=True)
class Certificates:
    """A server's and a client's self-signed certificates; each is the authority of the other side."""

    server_keystore: Path
    server_pem: Path
    client_keystore: Path
    client_pem: Path
    truststore: Path
    password: str = PASSWORD


def make_certificates(folder: Path, java: Path) -> Certificates:
    """Make them for 127.0.0.1 and localhost, good for ten days."""
    tool = java.with_name("keytool")
    made = {}
    for name in ("server", "client"):
        store, pem = folder / f"{name}.p12", folder / f"{name}.pem"
        _keytool(
            tool, "-genkeypair", "-keystore", store, "-alias", name, "-dname", f"CN={name}",
            "-keyalg", "EC", "-groupname", "secp256r1", "-validity", "10",
            "-ext", "san=ip:127.0.0.1,dns:localhost",
        )  # fmt: skip
        _keytool(tool, "-exportcert", "-rfc", "-keystore", store, "-alias", name, "-file", pem)
        made[name] = (store, pem)
    trust = folder / "trust.p12"
    _keytool(
        tool, "-importcert", "-noprompt", "-keystore", trust, "-alias", "client", "-file", made["client"][1]
    )
    return Certificates(*made["server"], *made["client"], trust)


def _keytool(tool: Path, *arguments: str | Path) -> None:
    subprocess.run(  # noqa: S603  # our own command
        [tool, *arguments, "-storetype", "PKCS12", "-storepass", PASSWORD],
        check=True,
        capture_output=True,
        timeout=KEYTOOL_SECONDS,
    )
