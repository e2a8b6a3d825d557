"""What those read who may not pull documents, or asked in a wrong way."""

from __future__ import annotations

from vneid_middleware.pages import Message

MESSAGES = {
    "address_refused": {
        "vi": Message("Không được phép", "Địa chỉ này không được phép hỏi giấy tờ.", "Hãy gọi qua nền tảng đã thống nhất."),
        "en": Message("Not allowed", "This address may not ask for documents.", "Call by the platform that was agreed on.")},
    "pull_type_unsupported": {
        "vi": Message("Kiểu nội dung không hợp lệ", "Nội dung gửi lên không phải application/jose hay application/json.",
                      "Hãy gửi JWS đã ký, hoặc JSON kèm khóa truy cập."),
        "en": Message("Wrong type of content", "The body is neither application/jose nor application/json.",
                      "Send a signed JWS, or JSON with a bearer key.")},
    "body_too_large": {
        "vi": Message("Nội dung quá lớn", "Nội dung gửi lên lớn hơn 64 KB hoặc không rõ độ dài.",
                      "Hãy gửi ít hơn và cho biết Content-Length."),
        "en": Message("Too large", "The body is larger than 64 KB, or of unknown length.", "Send less, and a Content-Length.")},
    "caller_unknown": {
        "vi": Message("Chưa xác thực được bên gọi", "Chữ ký hoặc khóa truy cập không đúng, hoặc yêu cầu không gửi cho cổng này.",
                      "Hãy ký lại bằng khóa đã đăng ký, với aud và thời gian đúng."),
        "en": Message("Unknown caller", "The signature or the key does not hold, or the request is not for this portal and now.",
                      "Sign it with a key that the portal knows, with the right aud and times.")},
    "caller_unverifiable": {
        "vi": Message("Chưa kiểm tra được chữ ký", "Hệ thống tạm thời không lấy được bộ khóa của bên gọi.",
                      "Vui lòng thử lại sau ít phút."),
        "en": Message("We cannot check the signature", "The portal cannot get the caller's keys now.",
                      "Try again in a few minutes.")},
    "request_replayed": {
        "vi": Message("Yêu cầu đã được dùng", "Mã jti này đã được dùng.", "Hãy ký yêu cầu mới với jti mới."),
        "en": Message("This request was used before", "Its jti was used before.", "Sign a new request with a new jti.")},
    "too_many_pulls": {
        "vi": Message("Quá nhiều yêu cầu", "Bên gọi đã hỏi quá số lần cho phép trong một phút.",
                      "Hãy chờ theo thời gian trong Retry-After."),
        "en": Message("Too many requests", "The caller asked more often than it may within a minute.",
                      "Wait as long as Retry-After says.")},
    "pull_stopped": {
        "vi": Message("Dịch vụ đang gặp sự cố", "Hệ thống tạm thời không trả lời được.", "Vui lòng thử lại sau ít phút."),
        "en": Message("Sorry, there is a problem with the service", "The portal cannot answer now.",
                      "Try again in a few minutes.")},
}
