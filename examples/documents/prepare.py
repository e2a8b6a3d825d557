"""Makes specialist databases to try documents with: driving licences and health-insurance cards of made-up citizens.

    python examples/documents/prepare.py                          # 200,000 rows into examples/documents/var/documents.db
    python examples/documents/prepare.py --rows 1000 --url postgresql+psycopg://user@host/database

The first citizens are the simulator's, so that what a persona asks for in the app is there. The rest are drawn by a seed: the
same rows each time. A table that is there already is left as it is.
"""

from __future__ import annotations

import argparse
import hashlib
import io
import os
import random
import secrets
import sys
from collections.abc import Iterator, Sequence
from contextlib import redirect_stdout
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import create_engine, inspect, text
from sqlalchemy.engine import Connection

from vneid_middleware.cli import main as vneid
from vneid_middleware.simulator.personas import PERSONAS

HERE = Path(__file__).resolve().parent
BATCH = 5_000
SEED = 2026

FAMILY = ("Nguyễn", "Trần", "Lê", "Phạm", "Hoàng", "Huỳnh", "Phan", "Vũ", "Võ", "Đặng", "Bùi", "Đỗ", "Hồ", "Ngô", "Dương", "Lý")
MALE = ("Văn An", "Đức Anh", "Quốc Bảo", "Hữu Đạt", "Minh Hòa", "Quang Huy", "Gia Khánh", "Thành Long", "Hải Nam", "Xuân Phúc")
FEMALE = ("Thị Ánh", "Ngọc Bích", "Thu Hà", "Thị Hoa", "Thanh Huyền", "Khánh Linh", "Thuý Nga", "Bảo Ngọc", "Thị Thúy", "Như Ý")
PROVINCES = (("001", "Hà Nội"), ("031", "Hải Phòng"), ("038", "Thanh Hóa"), ("048", "Đà Nẵng"), ("075", "Đồng Nai"),
             ("079", "TP. Hồ Chí Minh"), ("092", "Cần Thơ"))
OLD_CLASSES, NEW_CLASSES = ("A1", "A2", "B1", "B2", "C", "D"), ("A1", "A", "B1", "B", "C1", "C", "D1")
"""The classes changed on 2025-01-01; licences of both sets are valid side by side."""
CHANGED = date(2025, 1, 1)
IN_FORCE, REVOKED = "1", "2"


def citizens(count: int) -> Iterator[tuple[str, str, str, str, str]]:
    """Give number, name, birth date (8 digits), gender (1 male, 2 female) and province of made-up citizens."""
    for persona in PERSONAS.values():
        if len(persona.personal_id) == 12:
            yield (persona.personal_id, persona.full_name, persona.birth_date.replace("-", ""),
                   "2" if int(persona.personal_id[3]) % 2 else "1", "Hà Nội")
    draw = random.Random(SEED)
    for serial in range(count):
        code, province = PROVINCES[serial % len(PROVINCES)]
        born = date(1950, 1, 1) + timedelta(days=draw.randrange(58 * 365))
        female = draw.random() < 0.5
        century = 2 * (born.year // 100 - 19) + female
        number = f"{code}{century}{born.year % 100:02}{serial % 1_000_000:06}"
        name = f"{draw.choice(FAMILY)} {draw.choice(FEMALE if female else MALE)}"
        # the year alone is what is known of some older people
        birth = f"{born:%Y}" if born.year < 1955 else f"{born:%Y%m%d}"
        yield number, name, birth, "2" if female else "1", province


def licences(count: int) -> Iterator[dict[str, Any]]:
    """Give the rows of ``gplx``: one citizen in ten has two licences, a few have a revoked one."""
    draw = random.Random(SEED + 1)
    serial = 0
    for number, name, birth, gender, province in citizens(count):
        for _ in range(2 if draw.random() < 0.1 else 1):
            issued = date(2012, 1, 1) + timedelta(days=draw.randrange(14 * 365))
            motorbike = draw.random() < 0.4
            serial += 1
            yield {"SoGPLX": f"{10_000_000_000 + serial:012}", "SoDinhDanh": number,
                   "HangGPLX": "A1" if motorbike else draw.choice(NEW_CLASSES if issued >= CHANGED else OLD_CLASSES),
                   "NgayCapGPLX": issued, "NgayHHGPLX": None if motorbike else issued + timedelta(days=3652),
                   "NgayTTGPLX": issued - timedelta(days=20), "NoiCapGPLX": f"Sở Xây dựng {province}", "HoVaTen": name.upper(),
                   "NgaySinh": birth, "MaQuocTich": "VNM", "NoiCT": f"Số {draw.randrange(1, 400)}, {province}",
                   "GioiTinh": gender, "SoSeri": f"PET{serial:08}",
                   "TrangThai": REVOKED if draw.random() < 0.01 else IN_FORCE, "CapNhat": changed(issued, serial)}


def cards(count: int) -> Iterator[dict[str, Any]]:
    """Give the rows of ``bhyt``: one card for each citizen, some of last year."""
    draw = random.Random(SEED + 2)
    for serial, (number, name, birth, gender, province) in enumerate(citizens(count), 1):
        begins = date(2025 if draw.random() < 0.1 else 2026, 1, 1)
        yield {"MaThe": f"DN4{serial:012}", "SoDinhDanh": number, "HoTen": name, "NgaySinh": birth, "GioiTinh": gender,
               "MaDKBD": f"{draw.randrange(1, 96):02}{draw.randrange(1, 400):03}", "TenDKBD": f"Bệnh viện đa khoa {province}",
               "GtTheTu": begins, "GtTheDen": begins.replace(month=12, day=31), "NgayDu5Nam": None if draw.random() < 0.3 else
               begins.replace(year=begins.year + draw.randrange(5)), "MaMucHuong": draw.choice("12345"),
               "TrangThai": REVOKED if draw.random() < 0.01 else IN_FORCE, "CapNhat": changed(begins, serial)}


def changed(day: date, serial: int) -> str:
    """Return when a row was changed last: at some time of the day, since few rows change in the same second."""
    return f"{day} {serial // 3600 % 24:02}:{serial // 60 % 60:02}:{serial % 60:02}"


def fill(connection: Connection, table: str, rows: Iterator[dict[str, Any]], total: int) -> int:
    """Insert rows in batches and say how far it is."""
    done, batch = 0, []
    for row in rows:
        batch.append(row)
        if len(batch) == BATCH:
            done += insert(connection, table, batch)
            if sys.stderr.isatty():
                print(f"\r{table}: {done:,} of about {total:,}", end="", file=sys.stderr)
            batch = []
    done += insert(connection, table, batch)
    print(f"{chr(13) if sys.stderr.isatty() else ''}{table}: {done:,} rows        ".rstrip(), file=sys.stderr)
    return done


def insert(connection: Connection, table: str, rows: Sequence[dict[str, Any]]) -> int:
    """Insert a batch and return how many rows it had."""
    if rows:
        columns = ", ".join(rows[0])
        connection.execute(text(f"INSERT INTO {table} ({columns}) VALUES ({', '.join(f':{name}' for name in rows[0])})"), rows)
    return len(rows)


def make_file(path: Path, content: str) -> bool:
    """Write a file that only its owner reads, unless there is one; tell whether it was written."""
    if path.exists():
        return False
    os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    path.write_text(content + "\n", encoding="ascii")
    return True


def make_secrets(folder: Path) -> None:
    """Make the secret, the signing key and the back office's key; only their owner reads them; those that are there stay."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    key = secrets.token_urlsafe(32)
    make_file(folder / "secret", secrets.token_urlsafe(48))
    if make_file(folder / "submitter-key", key):
        make_file(folder / "submitters", f"so-xay-dung = sha256:{hashlib.sha256(key.encode()).hexdigest()}")
    if not (folder / "signing.pem").exists():
        with redirect_stdout(io.StringIO()):
            vneid(["keys", "new", "signing", "--for", "documents.signing_key", "--out", str(folder / "signing.pem")])


def main(words: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="makes driving licences and health-insurance cards to try documents with")
    parser.add_argument("--url", default=f"sqlite:///{HERE / 'var' / 'documents.db'}", help="SQLAlchemy URL of the database")
    parser.add_argument("--secrets", type=Path, default=HERE / "var", metavar="FOLDER",
                        help="where the secret and the keys are made (var beside this file)")
    parser.add_argument("--rows", type=int, default=200_000, help="how many made-up rows in all, about (200000)")
    args = parser.parse_args(words)
    make_secrets(args.secrets)
    if args.url.startswith("sqlite:///"):
        Path(args.url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
    engine = create_engine(args.url)
    people = max(0, args.rows * 10 // 21)
    try:
        with engine.begin() as connection:
            if set(inspect(connection).get_table_names()) & {"gplx", "bhyt"}:
                print("the tables are there already; nothing was done", file=sys.stderr)
                return 0
            script = (HERE / "schema.sql").read_text(encoding="utf-8")
            statements = "\n".join(line for line in script.splitlines() if not line.startswith("--"))
            for statement in statements.split(";"):
                connection.exec_driver_sql(statement)
            fill(connection, "gplx", licences(people), people * 11 // 10)
            fill(connection, "bhyt", cards(people), people)
    finally:
        engine.dispose()
    return 0


if __name__ == "__main__":
    sys.exit(main())
