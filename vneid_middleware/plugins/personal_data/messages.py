"""What each part leaves, and why."""

from __future__ import annotations

DOCUMENTS = {
    "en": "VNeID is told by vneid worker that the documents are gone. Until it has acknowledged that, and an attempt that "
          "is under way has ended, their names stay, sealed; then a keyed hash and the version of each, so that versions "
          "never go backwards. What the agency's own database still has may be announced anew: erase it there first",
    "vi": "vneid worker báo cho VNeID rằng các giấy tờ không còn. Cho đến khi VNeID xác nhận và lượt gửi đang chạy kết "
          "thúc, tên giấy tờ còn được lưu, đã niêm phong; sau đó chỉ còn mã băm có khóa và số phiên bản của từng giấy tờ, "
          "để phiên bản không bao giờ lùi lại. Những gì còn trong cơ sở dữ liệu của cơ quan có thể được đưa lại vào hàng "
          "đợi: hãy xóa ở đó trước",
}
LOOKUPS = {
    "en": "a lookup that still waits for the citizen's consent names nobody yet; a result without the number (qr.fields) "
          "can't be found by it, and is wiped within two minutes",
    "vi": "lượt tra cứu còn chờ công dân đồng ý thì chưa gắn với ai; kết quả không kèm số định danh (qr.fields) thì không "
          "tìm được theo số, và tự bị xóa sau hai phút",
}
FORMS = {
    "en": "a form whose sender was never known can't be found by number; it is dropped within minutes",
    "vi": "biểu mẫu chưa rõ người gửi thì không tìm được theo số định danh; biểu mẫu đó tự bị xóa sau ít phút",
}
SESSIONS = {
    "en": "that a session ended is remembered, without a name, until its cookie would have run out, or it would open again; "
          "where VNeID itself ended all sessions of an account, that account, sealed",
    "vi": "việc phiên đã kết thúc được ghi nhớ, không kèm họ tên, cho đến khi cookie hết hạn, nếu không phiên sẽ mở lại "
          "được; nếu chính VNeID kết thúc mọi phiên của một tài khoản thì lưu cả tài khoản đó, đã niêm phong",
}
AUDIT = {
    "en": "audit records name the person by keyed hash and by the last four digits; they are kept by law, and dropped after "
          "audit.retention_days",
    "vi": "nhật ký ghi người đó bằng mã băm có khóa và bốn chữ số cuối; nhật ký phải lưu theo luật, và tự bị xóa sau "
          "audit.retention_days ngày",
}
