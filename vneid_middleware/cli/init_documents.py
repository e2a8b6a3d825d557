"""What ``vneid init`` says about citizens' papers: comments to switch on, from the pull of one kind to the push."""

from __future__ import annotations

_NO_ADDRESS = "https://replace-with-the-host-that-C06-gave-you"


def commented(simulator: str) -> str:
    """Return the block of the ini.

    Args:
        simulator: its address; empty where VNeID itself is asked.
    """
    return _BLOCK.replace("ADDRESS", simulator or _NO_ADDRESS)


_BLOCK = """# Citizens' papers: VNeID asks for them (pull). Take the # away before documents in plugins, above, and here.
# With this part alone no portal is needed: see "Documents without a portal" in the administrator's guide.
# the portal's key, which signs; made by vneid init, the public half is at /vneid/.well-known/jwks.json
#documents.signing_key = secrets/signing.pem
# who may ask, and where his keys are; one that can't sign gets a key by:
# vneid keys new bearer --for documents.callers --name NAME
#documents.callers =
#    vneid = jwks:ADDRESS/documents/jwks.json
# each kind of paper, here GPLX, out of a table of yours, which is only read: names on the right are columns
#documents.GPLX.provider = sql
#documents.GPLX.url = sqlite:///%(here)s/var/gplx.db
#documents.GPLX.lookup = SELECT * FROM gplx WHERE so_dinh_danh = :soDinhDanh
#documents.GPLX.id = so_gplx
#documents.GPLX.fields =
#    SoGPLX = so_gplx
#    HoVaTen = ho_ten
#    HangGPLX = hang

# And VNeID is told when one changes (push), by: vneid worker portal.ini
#transport.vneid.kind = direct
#transport.vneid.url = ADDRESS
#documents.transport = vneid
#documents.push_path = /documents/changes
# changes are found in the table, or announced by who has a key of documents.submitters, made by:
# vneid keys new bearer --for documents.submitters --name NAME
#documents.GPLX.changes =
#    SELECT so_dinh_danh AS soDinhDanh, so_gplx AS maGiayTo, cap_nhat AS since
#    FROM gplx WHERE cap_nhat > COALESCE(:since, '') ORDER BY cap_nhat
"""
