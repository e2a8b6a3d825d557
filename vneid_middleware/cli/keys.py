"""``vneid keys``."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import secrets
import sys

from vneid_middleware.cli.words import say

_FILES = {"signing": "sso.signing_key", "encryption": "sso.decryption_key"}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the command's arguments."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    new = actions.add_parser("new", help=say("make a secret or a key"))
    new.add_argument("kind", choices=("secret", "bearer", "signing", "encryption"))
    new.add_argument("--out", metavar="FILE", help=say("where to write it; never over a file that is there"))
    parser.epilog = say("Example: {command}", command="vneid keys new secret --out secrets/secret")


def run(args: argparse.Namespace) -> int:
    """Make it and print the ini line."""
    try:
        return _simple(args) if args.kind in ("secret", "bearer") else _pair(args)
    except FileExistsError:
        print("vneid keys:", say("{name} is there already and is not written over.", name=args.out), file=sys.stderr)
        return 1
    except OSError as error:
        print("vneid keys:", say("{name} can't be written: {reason}", name=args.out, reason=error.strerror), file=sys.stderr)
        return 1


def _simple(args: argparse.Namespace) -> int:
    value = secrets.token_urlsafe(48)
    if args.out:
        write_private(args.out, value + "\n")
    if args.kind == "secret":
        print(f"secret = file:{args.out}" if args.out else value)
    else:
        if not args.out:
            print(value)
        print(f"metrics.key = sha256:{hashlib.sha256(value.encode()).hexdigest()}")
    return 0


def _pair(args: argparse.Namespace) -> int:
    from cryptography.hazmat.primitives.asymmetric import ec, rsa
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    from vneid_middleware.core.keys import public_jwk

    signing = args.kind == "signing"
    key = ec.generate_private_key(ec.SECP256R1()) if signing else rsa.generate_private_key(65537, 3072)
    out = args.out or f"{args.kind}.pem"
    args.out = out
    write_private(out, key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()).decode())
    print(f"{_FILES[args.kind]} = {out}")
    jwk = {**public_jwk(key), "use": "sig" if signing else "enc", "alg": "ES256" if signing else "RSA-OAEP-256"}
    print(json.dumps({"keys": [jwk]}, indent=2))
    return 0


def write_private(name: str, content: str) -> None:
    """Write a file that only its owner reads; never over one that is there."""
    handle = os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(content)
