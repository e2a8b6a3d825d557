"""Bring the QR decoder that the counter's page uses in from npm: ``make decoder``, or ``make decoder VERSION=0.8.0``.

The files are the package's own, byte by byte. ``source.json`` beside them says which release they are, with npm's digest of
the whole package and one of each file; a test compares them.
"""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

FOLDER = Path(__file__).resolve().parents[1] / "vneid_middleware" / "plugins" / "qr" / "static" / "qr"
SOURCE = FOLDER / "source.json"


def main(version: str = "") -> int:
    """Fetch the release that ``source.json`` names, or ``version``, and write its files and digests.

    Returns:
        0; 1 where the package is not the one whose digest is known, and then nothing is written.
    """
    known = json.loads(SOURCE.read_text(encoding="utf-8"))
    wanted = version or known["version"]
    with tempfile.TemporaryDirectory() as folder:
        # npm compares what it fetched with the registry's own digest
        subprocess.run(["npm", "pack", "--silent", f"{known['name']}@{wanted}"], cwd=folder, check=True)
        archive = next(Path(folder).glob("*.tgz"))
        integrity = "sha512-" + base64.b64encode(hashlib.sha512(archive.read_bytes()).digest()).decode("ascii")
        if wanted == known["version"] and integrity != known["integrity"]:
            print(f"{known['name']} {wanted} is another package than the one of source.json: {integrity}", file=sys.stderr)
            return 1
        with tarfile.open(archive) as package:
            for name in known["files"]:
                content = package.extractfile(f"package/{name}")
                (FOLDER / name).write_bytes(content.read() if content else b"")
    digests = {name: hashlib.sha256((FOLDER / name).read_bytes()).hexdigest() for name in known["files"]}
    found = {**known, "version": wanted, "integrity": integrity, "files": digests}
    SOURCE.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")
    print(f"{known['name']} {wanted}: {', '.join(digests)}")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:2]))
