-- Two specialist databases in one file: driving licences (GPLX) and health-insurance cards (BHYT).
-- Plain SQL that SQLite, PostgreSQL and MariaDB read alike.

CREATE TABLE gplx (
    SoGPLX VARCHAR(12) PRIMARY KEY,
    SoDinhDanh VARCHAR(12) NOT NULL,
    HangGPLX VARCHAR(8) NOT NULL,
    NgayCapGPLX DATE NOT NULL,
    NgayHHGPLX DATE,
    NgayTTGPLX DATE NOT NULL,
    NoiCapGPLX VARCHAR(100) NOT NULL,
    HoVaTen VARCHAR(100) NOT NULL,
    NgaySinh VARCHAR(8) NOT NULL,
    MaQuocTich VARCHAR(3) NOT NULL,
    NoiCT VARCHAR(200) NOT NULL,
    GioiTinh VARCHAR(1) NOT NULL,
    SoSeri VARCHAR(12) NOT NULL,
    TrangThai VARCHAR(1) NOT NULL,
    CapNhat TIMESTAMP NOT NULL
);

CREATE INDEX gplx_citizen ON gplx (SoDinhDanh);

CREATE INDEX gplx_changed ON gplx (CapNhat);

CREATE TABLE bhyt (
    MaThe VARCHAR(15) PRIMARY KEY,
    SoDinhDanh VARCHAR(12) NOT NULL,
    HoTen VARCHAR(100) NOT NULL,
    NgaySinh VARCHAR(8) NOT NULL,
    GioiTinh VARCHAR(1) NOT NULL,
    MaDKBD VARCHAR(5) NOT NULL,
    TenDKBD VARCHAR(100) NOT NULL,
    GtTheTu DATE NOT NULL,
    GtTheDen DATE NOT NULL,
    NgayDu5Nam DATE,
    MaMucHuong VARCHAR(1) NOT NULL,
    TrangThai VARCHAR(1) NOT NULL,
    CapNhat TIMESTAMP NOT NULL
);

CREATE INDEX bhyt_citizen ON bhyt (SoDinhDanh);

CREATE INDEX bhyt_changed ON bhyt (CapNhat)
