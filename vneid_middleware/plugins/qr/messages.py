"""What the counter says, to officers and to programs."""

from __future__ import annotations

from vneid_middleware.pages import Message

MESSAGES = {
    "lookup.ok": {
        "vi": Message("Đã nhận thông tin công dân", "VNeID đã gửi thông tin của công dân.", "Hãy tiếp tục thủ tục."),
        "en": Message("Citizen's data received", "VNeID has sent the citizen's data.", "Go on with the procedure.")},
    "lookup.pending": {
        "vi": Message("Chờ công dân đồng ý", "VNeID đang hỏi ý kiến công dân trên điện thoại.",
                      "Hãy nhờ công dân mở ứng dụng VNeID và xác nhận."),
        "en": Message("Waiting for the citizen", "VNeID is asking the citizen on the phone.",
                      "Ask the citizen to open the VNeID app and confirm.")},
    "lookup.invalid_qr": {
        "vi": Message("Mã QR không đúng", "Đây không phải là mã QR mà VNeID nhận ra.",
                      "Hãy đề nghị công dân xuất trình thẻ căn cước và nhập thông tin bằng tay."),
        "en": Message("This QR code is not right", "VNeID does not know this QR code.",
                      "Ask for the citizen's card and type the data in.")},
    "lookup.expired_qr": {
        "vi": Message("Mã QR đã hết hạn", "Mã QR chỉ có hiệu lực khoảng một phút và chỉ dùng được một lần.",
                      "Hãy đề nghị công dân tạo mã mới rồi quét lại."),
        "en": Message("The QR code is no longer valid", "A QR code works for about a minute, and once.",
                      "Ask the citizen for a new code and scan it.")},
    "lookup.consent_denied": {
        "vi": Message("Công dân không đồng ý", "Công dân đã từ chối chia sẻ thông tin qua VNeID.",
                      "Hãy đề nghị công dân xuất trình thẻ căn cước và nhập thông tin bằng tay."),
        "en": Message("The citizen declined", "The citizen has declined to share data through VNeID.",
                      "Ask for the citizen's card and type the data in.")},
    "lookup.consent_timeout": {
        "vi": Message("Công dân chưa trả lời", "Đã hết thời gian chờ công dân xác nhận trên điện thoại.",
                      "Hãy đề nghị công dân tạo mã mới, hoặc xuất trình thẻ căn cước và nhập thông tin bằng tay."),
        "en": Message("The citizen has not answered", "The time for the citizen's answer is over.",
                      "Ask for a new code, or for the citizen's card and type the data in.")},
    "lookup.card_qr": {
        "vi": Message("Đây là mã QR in trên thẻ", "Mã in trên thẻ chỉ giúp điền sẵn, không phải là thông tin đã xác thực.",
                      "Hãy đối chiếu với thẻ của công dân, hoặc đề nghị công dân mở mã QR trong ứng dụng VNeID."),
        "en": Message("This is a printed card's QR code", "A printed code only fills the form in: it proves nothing.",
                      "Compare it with the citizen's card, or ask for the QR code of the VNeID app.")},
    "lookup.invalid_response": {
        "vi": Message("Câu trả lời không hợp lệ", "Câu trả lời nhận được không chứng minh được là của VNeID nên không được dùng.",
                      "Hãy đề nghị công dân xuất trình thẻ căn cước và báo bộ phận kỹ thuật kèm mã tra cứu."),
        "en": Message("The answer can't be trusted", "The answer could not be shown to be VNeID's, so it is not used.",
                      "Ask for the citizen's card, and tell the support team the reference number.")},
    "lookup.upstream_unavailable": {
        "vi": Message("Chưa kết nối được VNeID", "VNeID hoặc nền tảng chia sẻ dữ liệu tạm thời không trả lời.",
                      "Hãy quét lại sau ít phút, hoặc đề nghị công dân xuất trình thẻ căn cước."),
        "en": Message("VNeID can't be reached", "VNeID or the exchange platform does not answer right now.",
                      "Scan again in a moment, or ask for the citizen's card.")},
    "operator_unknown": {
        "vi": Message("Bạn cần đăng nhập", "Chỉ cán bộ một cửa đã đăng nhập mới tra cứu được.", "Hãy đăng nhập rồi thử lại."),
        "en": Message("You need to sign in", "Lookups are for officers who are signed in.", "Sign in and try again.")},
    "not_an_officer": {
        "vi": Message("Bạn không có quyền tra cứu", "Tài khoản đang dùng không phải là của cán bộ một cửa.",
                      "Hãy đăng nhập bằng tài khoản cán bộ."),
        "en": Message("You may not look citizens up", "The account in use is not an officer's.",
                      "Sign in with an officer's account.")},
    "cross_site": {
        "vi": Message("Yêu cầu bị từ chối", "Yêu cầu đến từ một trang khác.", "Hãy thao tác trên trang của cổng này."),
        "en": Message("The request was refused", "It came from another site.", "Use this portal's own pages.")},
    "lookup_unknown": {
        "vi": Message("Không có lượt tra cứu này", "Kết quả đã được lấy, đã hết hạn, hoặc không có.", "Hãy quét lại."),
        "en": Message("There is no such lookup", "Its result was fetched, is too old, or never was.", "Scan again.")},
    "too_many_lookups": {
        "vi": Message("Tra cứu quá nhanh", "Số lượt tra cứu trong một phút đã vượt giới hạn.", "Hãy chờ một lát rồi thử lại."),
        "en": Message("Too many lookups", "There were more lookups in a minute than are allowed.",
                      "Wait a moment and try again.")},
    "lookup_malformed": {
        "vi": Message("Yêu cầu không đúng dạng", "Nội dung gửi đi không đúng dạng JSON cần có.",
                      "Hãy kiểm tra các trường của yêu cầu."),
        "en": Message("The request is malformed", "The body is not the JSON that is needed.", "Check the request's fields.")},
    "media_type_unsupported": {
        "vi": Message("Yêu cầu không đúng dạng", "Nội dung phải là application/json.", "Hãy gửi JSON."),
        "en": Message("The request is malformed", "The content must be application/json.", "Send JSON.")},
    "lookup_stopped": {
        "vi": Message("Tạm dừng tra cứu", "Hệ thống chưa ghi được nhật ký nên không tra cứu.",
                      "Vui lòng thử lại sau ít phút và báo bộ phận kỹ thuật."),
        "en": Message("Lookups are stopped", "The system can't write its records right now, so nobody is looked up.",
                      "Try again in a few minutes, and tell the support team.")},
}
