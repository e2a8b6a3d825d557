"""What the settings of sign-on, apps, the counter, papers and transports expect, in Vietnamese; see the general ones."""

from __future__ import annotations

_SIGN_ON = {
    "must be some of {names}: asymmetric ones only": "phải là một số trong {names}: chỉ các thuật toán bất đối xứng",
    "must be scopes separated by spaces, with openid among them":
        "phải là các scope cách nhau bằng khoảng trắng, trong đó có openid",
    "must be lines IDENTITY_FIELD = claim; {field} is none of {names}":
        "phải gồm các dòng IDENTITY_FIELD = claim; {field} không thuộc {names}",
    "is required by the profile {profile}": "bộ thiết lập {profile} bắt buộc phải có",
    "is required by sso.client_auth = private_key_jwt": "bắt buộc phải có khi sso.client_auth = private_key_jwt",
    "can't be required while nothing is known to check it by": "không thể là required khi chưa biết kiểm tra bằng gì",
    "is missing, so that an id_token will not be read": "bị thiếu, nên id_token sẽ không được đọc",
    "can't be true while nothing is known to check tokens by": "không thể là true khi chưa biết kiểm tra mã thông báo bằng gì",
    "needs the auth_time of an id_token": "cần auth_time của id_token",
    "is required by sso.response = rsa-aes": "bắt buộc phải có khi sso.response = rsa-aes",
    "is off: a code that leaks can be used by whoever finds it": "đang tắt: mã bị lộ thì ai nhặt được cũng dùng được",
    "must be refuse, personal_id, or redirect: and a path on the portal, such as redirect:/sign-up":
        "phải là refuse, personal_id, hoặc redirect: kèm một đường dẫn trên cổng, ví dụ redirect:/sign-up",
    "says what happens without an account, and no accounts are asked for":
        "nói phải làm gì khi không có tài khoản, nhưng không tra cứu tài khoản nào",
    "is missing, and {key} is there": "bị thiếu, trong khi có {key}",
}

_APPS = {
    "must be lines APP_ID = callback-uri …": "phải gồm các dòng APP_ID = callback-uri …",
    "must be 1 to 64 letters, digits and . _ -": "phải gồm 1 đến 64 chữ cái, chữ số và . _ -",
    "is no URI": "không phải URI",
    "must be ASCII without spaces, quotes and a fragment": "phải là ASCII, không có khoảng trắng, dấu nháy và phần sau dấu #",
    "must not name a user": "không được kèm tên người dùng",
    "must not lead to this device itself or to an address": "không được dẫn đến chính thiết bị ấy hoặc đến một địa chỉ IP",
    "must have a domain name": "phải có tên miền",
    "must be https, or a scheme with a dot in it such as vn.gov.example.app":
        "phải là https, hoặc một scheme có dấu chấm, ví dụ vn.gov.example.app",
    "mobile needs sso, which asks VNeID who the citizen is": "mobile cần sso, phần hỏi VNeID xem công dân là ai",
    "must not be the same as {key}": "không được giống {key}",
    "is required by mobile.deep_link = true": "bắt buộc phải có khi mobile.deep_link = true",
    "is on: the link carries mobile.client_secret to every phone, any app there may claim the link, and the VNeID app's "
    "answer is tied to no sign-on of ours":
        "đang bật: liên kết mang mobile.client_secret đến mọi điện thoại, ứng dụng nào trên đó cũng có thể nhận liên kết, và câu "
        "trả lời của ứng dụng VNeID không gắn với lượt đăng nhập nào của cổng",
    "is on: any app on a phone may claim the link, and the VNeID app's answer is tied to no sign-on of ours":
        "đang bật: ứng dụng nào trên điện thoại cũng có thể nhận liên kết, và câu trả lời của ứng dụng VNeID không gắn với lượt "
        "đăng nhập nào của cổng",
}

_COUNTER = {
    "must be of {choice}, each at most once": "phải thuộc {choice}, mỗi mục tối đa một lần",
    "must be names of fields, each once, such as soDinhDanh hoVaTen":
        "phải là tên các trường, mỗi tên một lần, ví dụ soDinhDanh hoVaTen",
    "must be lines CODE = STATUS with a status of {choice}; {status} is none":
        "phải gồm các dòng CODE = STATUS với trạng thái {choice}; {status} không phải",
    "must be lines CODE = STATUS with codes of at most 32 printable ASCII characters":
        "phải gồm các dòng CODE = STATUS với mã tối đa 32 ký tự ASCII in được",
    "must have a line for {status}": "phải có một dòng cho {status}",
    "must be subrequest: and a path of the host, such as subrequest:/can-bo/toi":
        "phải là subrequest: kèm một đường dẫn của cổng, ví dụ subrequest:/can-bo/toi",
    "must be lines NAME = sha256:HEX, or plugin:NAME, or subrequest:PATH":
        "phải gồm các dòng NAME = sha256:HEX, hoặc là plugin:NAME, hoặc subrequest:PATH",
    "gives two operators the same key: the audit could not tell them apart":
        "cấp cùng một khóa cho hai cán bộ: nhật ký sẽ không phân biệt được họ",
    "must name a policy that a plugin offers": "phải là chính sách do một plugin cung cấp",
    "must name a transport of this ini: {choice}": "phải là một transport trong tệp ini này: {choice}",
    "is required by qr.response = {response}": "bắt buộc phải có khi qr.response = {response}",
    "is plain: whoever stands between VNeID and this portal can make up a citizen":
        "là plain: ai đứng giữa VNeID và cổng này đều có thể bịa ra một công dân",
    "is freshness: an answer that is old, repeated or made up is found out, and two answers that are swapped on the way are not":
        "là freshness: phát hiện được câu trả lời cũ, lặp lại hoặc bịa đặt, nhưng không phát hiện được hai câu trả lời bị "
        "tráo nhau "
        "trên đường",
    "can't be webhook with qr.response = plain: anybody could send a citizen":
        "không thể là webhook khi qr.response = plain: ai cũng có thể gửi dữ liệu công dân vào",
}

_PAPERS = {
    "must name callers by at most 128 printable ASCII characters without spaces":
        "tên bên truy vấn phải có tối đa 128 ký tự ASCII in được, không có khoảng trắng",
    "gives two callers the same key: the audit could not tell them apart":
        "cấp cùng một khóa cho hai bên truy vấn: nhật ký sẽ không phân biệt được họ",
    "gives two submitters the same key: the audit could not tell them apart":
        "cấp cùng một khóa cho hai bên báo thay đổi: nhật ký sẽ không phân biệt được họ",
    "must not name a submitter {PYTHON}: code of the portal's own announces under that name":
        "không được đặt tên bên gửi là {PYTHON}: mã chương trình của chính cổng dùng tên đó khi thông báo",
    "must name submitters in at most 64 characters, without a colon":
        "tên bên báo thay đổi phải có tối đa 64 ký tự, không có dấu hai chấm",
    "must be lines such as VN/GOV/0000/vneid, in printable ASCII without commas":
        "phải gồm các dòng như VN/GOV/0000/vneid, bằng ký tự ASCII in được, không có dấu phẩy",
    "must be lines STATUS = CODE with a status of {choice}; {status} is none":
        "phải gồm các dòng STATUS = CODE với trạng thái {choice}; {status} không phải",
    "must be lines STATUS = CODE with codes of at most 32 printable ASCII characters":
        "phải gồm các dòng STATUS = CODE với mã tối đa 32 ký tự ASCII in được",
    "gives two statuses the same code: the caller could not tell them apart":
        "cho hai trạng thái cùng một mã: bên truy vấn sẽ không phân biệt được",
    "must be lines INPUT = column : RULE; that of {name} is not":
        "phải gồm các dòng INPUT = column : RULE; dòng của {name} không đúng dạng",
    "must be lines INPUT = column : RULE with a rule of {choice}; {rule} is none":
        "phải gồm các dòng INPUT = column : RULE với quy tắc {choice}; {rule} không phải",
    "must have a line FIELD = column for each field that goes out": "phải có một dòng FIELD = column cho mỗi trường được gửi đi",
    "must be lines FIELD = column with names such as SoGPLX; {name} is none":
        "phải gồm các dòng FIELD = column với tên như SoGPLX; {name} không phải",
    "must be lines STATUS = column : VALUE, or STATUS = column : {word}, with a status of {choice}; {line} is not":
        "phải gồm các dòng STATUS = column : VALUE, hoặc STATUS = column : {word}, với trạng thái {choice}; {line} không "
        "đúng dạng",
    "is there without documents.allow: anybody can send that header":
        "có mặt mà thiếu documents.allow: ai cũng gửi được tiêu đề ấy",
    "names a kind of more than letters, digits, - and _": "ghi một loại giấy tờ có ký tự ngoài chữ cái, chữ số, - và _",
    "is required for each kind of document, and missing": "mỗi loại giấy tờ bắt buộc phải có, nhưng đang thiếu",
    "is required by {key} = {value}": "bắt buộc phải có khi {key} = {value}",
    "is of no use to {key} = {value}": "không có tác dụng khi {key} = {value}",
    "compares {name}, which {key} binds already: a wrong {again} is not_found and never mismatch":
        "so sánh {name}, mà {key} đã dùng làm điều kiện: {again} sai sẽ là not_found, không bao giờ là mismatch",
    "binds {names}, which no change tells: a change that is announced without data can't be delivered":
        "dùng {names} làm điều kiện, mà thay đổi không cho biết: thay đổi được báo không kèm data sẽ không gửi được",
    "needs documents.transport, by which changes are pushed": "cần documents.transport để gửi các thay đổi",
    "is required by documents.transport": "bắt buộc phải có khi có documents.transport",
    "needs {key}, the database that it is asked in": "cần {key}, cơ sở dữ liệu để truy vấn",
    "has no ORDER BY: rows that come out of their order would be missed":
        "không có ORDER BY: các hàng ra sai thứ tự sẽ bị bỏ sót",
    "must write CAST(:{name} AS {type}) in place of :{other}::{same}":
        "phải viết CAST(:{name} AS {type}) thay cho :{other}::{same}",
    "is of a kind without a provider, {kind}; did you mean documents.{meant}.{rest}?":
        "thuộc loại giấy tờ chưa có provider, {kind}; có phải ý bạn là documents.{meant}.{rest}?",
    "must give {PERSONAL_ID} the column with the citizen's number, by which each row is compared once more; {paper} is the "
    "paper's, {prefix}id":
        "phải gán cho {PERSONAL_ID} cột chứa số định danh của công dân, dùng để so lại từng hàng; {paper} là số của giấy tờ, "
        "{prefix}id",
    "must not be more than documents.retry_max": "không được lớn hơn documents.retry_max",
}

_TRANSPORTS = {
    "must be lines NAME: VALUE with a header's name and printable ASCII":
        "phải gồm các dòng NAME: VALUE với tên tiêu đề và ký tự ASCII in được",
    "must name headers once, and none that the middleware sets itself; {name} is one":
        "mỗi tiêu đề chỉ ghi một lần, và không ghi tiêu đề do phần mềm trung gian tự đặt; {name} là một tiêu đề như vậy",
    "must be at least four parts with colons between them, such as VN:GOV:000.00.00.G22:service":
        "phải có ít nhất bốn phần cách nhau bằng dấu hai chấm, ví dụ VN:GOV:000.00.00.G22:service",
    "must be INSTANCE/CLASS/MEMBER or INSTANCE/CLASS/MEMBER/SUBSYSTEM":
        "phải là INSTANCE/CLASS/MEMBER hoặc INSTANCE/CLASS/MEMBER/SUBSYSTEM",
    "must be INSTANCE/CLASS/MEMBER/SUBSYSTEM/SERVICE, or that without SUBSYSTEM":
        "phải là INSTANCE/CLASS/MEMBER/SUBSYSTEM/SERVICE, hoặc như vậy nhưng không có SUBSYSTEM",
    "{inner}, each part without \\ : ; % and blanks at its ends": "{inner}, mỗi phần không có \\ : ; % và khoảng trắng ở hai đầu",
    "is required: must be {choice}": "bắt buộc phải có: phải là {choice}",
    "names no kind of transport: must be {choice}": "không phải loại transport nào: phải là {choice}",
    "is not read by {key} = {value}": "không được đọc khi {key} = {value}",
    "is not used by {key} = {value}": "không được dùng khi {key} = {value}",
    "is not used, since {key} is plain http": "không được dùng, vì {key} là http",
    "is required by {key}": "bắt buộc phải có khi có {key}",
    "and its private key must be PEM files that belong together, without a password":
        "và khóa riêng của nó phải là các tệp PEM khớp nhau, không có mật khẩu",
    "has no place with {key} = lgsp-wso2, which signs in by its token":
        "không dùng được khi {key} = lgsp-wso2, vì loại này đăng nhập bằng mã truy cập của nó",
    "does not end with /XrdAdapter/RestService/forward, as the adapter's address does":
        "không kết thúc bằng /XrdAdapter/RestService/forward như địa chỉ của bộ kết nối (adapter)",
    "must be the security server's address alone; /r1 and the service are added to it":
        "chỉ được ghi địa chỉ của máy chủ bảo mật; /r1 và dịch vụ được tự thêm vào",
}

PARTS = {**_SIGN_ON, **_APPS, **_COUNTER, **_PAPERS, **_TRANSPORTS}
