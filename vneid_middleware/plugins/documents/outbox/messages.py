"""What is told to whoever announces changes."""

from __future__ import annotations

from vneid_middleware.pages import Message

MESSAGES = {
    "submitter_unknown": {
        "vi": Message("Chưa xác định được bên gửi", "Khóa gửi kèm không đúng hoặc không có.",
                      "Hãy gửi khóa trong tiêu đề Authorization: Bearer."),
        "en": Message("Unknown submitter", "There is no key, or it is not a submitter's.",
                      "Send the key as Authorization: Bearer.")},
    "change_malformed": {
        "vi": Message("Nội dung không đúng", "Thông báo thay đổi thiếu trường, có trường sai định dạng hoặc có trường lạ.",
                      "Hãy sửa theo tài liệu rồi gửi lại."),
        "en": Message("Malformed change", "The announcement lacks a field, has one in the wrong form, or one that there is not.",
                      "Correct it as the guide says and send it again.")},
    "change_too_large": {
        "vi": Message("Nội dung quá lớn", "Dữ liệu của giấy tờ vượt quá dung lượng cho phép.",
                      "Hãy bỏ data: khi gửi đi, hệ thống sẽ tự lấy giấy tờ từ nguồn dữ liệu."),
        "en": Message("Too large", "The document's data are larger than what is taken.",
                      "Leave data out: the provider is asked when the change is delivered.")},
    "change_type_unsupported": {
        "vi": Message("Kiểu nội dung không đúng", "Nội dung phải là application/json.", "Hãy sửa Content-Type rồi gửi lại."),
        "en": Message("Unsupported media type", "The body must be application/json.", "Set Content-Type and send it again.")},
    "idempotency_conflict": {
        "vi": Message("Mã gửi lại đã dùng cho nội dung khác", "idempotencyKey này đã đi kèm một thay đổi khác.",
                      "Hãy dùng một idempotencyKey mới cho thay đổi mới."),
        "en": Message("The key was used for another change", "Another change was announced under this idempotencyKey.",
                      "Use a new idempotencyKey for a new change.")},
    "change_not_taken": {
        "vi": Message("Chưa nhận được thay đổi", "Hệ thống chưa ghi được thay đổi này.",
                      "Hãy gửi lại sau ít phút với cùng idempotencyKey."),
        "en": Message("The change was not taken in", "The change could not be written down.",
                      "Send it again in a few minutes, under the same idempotencyKey.")},
}
