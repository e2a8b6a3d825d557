"""What settings expect, in Vietnamese: sentences of the tables, converters and rules, with ``{name}`` for what varies.

``{choice}`` is a list with "or" in it; ``{inner}`` is another sentence of these.
"""

from __future__ import annotations

_ALL = {
    "it is {value}": "giá trị hiện tại là {value}",
    "{file}, line {line}": "{file}, dòng {line}",
    "is required and missing": "bắt buộc phải có nhưng đang thiếu",
    "can't be read: {reason}": "không đọc được: {reason}",
    "unknown setting": "không có thiết lập này",
    "unknown setting; did you mean {key}?": "không có thiết lập này; có phải ý bạn là {key}?",
    "unknown setting: the plugin {name} can't be used, or has no settings":
        "không có thiết lập này: plugin {name} không dùng được hoặc không có thiết lập nào",
    "this setting belongs to the plugin {name}, which is not active": "thiết lập này thuộc plugin {name} đang không bật",
    "this setting and {count} more belong to the plugin {name}, which is not active":
        "thiết lập này và {count} thiết lập khác thuộc plugin {name} đang không bật",
    "a rule of the plugin {name} failed on these settings with {error}":
        "một quy tắc của plugin {name} bị lỗi {error} khi gặp các thiết lập này",
    "the environment variable {name} is not set": "biến môi trường {name} chưa được đặt",
    "env: names no variable": "env: không ghi tên biến nào",
    "the file {path} can't be read: {reason}": "không đọc được tệp {path}: {reason}",
    "the file {path} can be read by others than its owner": "người khác ngoài chủ sở hữu cũng đọc được tệp {path}",
}

_CONVERTERS = {
    "must not be empty": "không được để trống",
    "must be true or false": "phải là true hoặc false",
    "must be a whole number from {least} to {most}": "phải là số nguyên từ {least} đến {most}",
    "must be a whole number of seconds from {least} to {most}": "phải là số giây nguyên từ {least} đến {most}",
    "must be a whole number of bytes from {least} to {most}": "phải là số byte nguyên từ {least} đến {most}",
    "must be a whole number of days from {least} to {most}": "phải là số ngày nguyên từ {least} đến {most}",
    "must be a whole number of {unit} a minute from {least} to {most}":
        "phải là số lượt ({unit}) nguyên mỗi phút từ {least} đến {most}",
    "must be a whole number of {unit} from {least} to {most}": "phải là số nguyên ({unit}) từ {least} đến {most}",
    "must be one of {choice}": "phải là một trong: {choice}",
    "must be {choice}": "phải là {choice}",
    "must be lines {form}; {line} is not": "phải gồm các dòng {form}; {line} không đúng dạng",
    "must be lines {form}; that of {name} is not": "phải gồm các dòng {form}; dòng của {name} không đúng dạng",
    "must be lines {form}, with 64 hexadecimal digits; that of {name} is not":
        "phải gồm các dòng {form}, với 64 chữ số thập lục phân; dòng của {name} không đúng dạng",
    "must be lines {form}": "phải gồm các dòng {form}",
    "names {name} twice": "nhắc đến {name} hai lần",
    "must be sha256: and 64 hexadecimal digits": "phải là sha256: và 64 chữ số thập lục phân",
    "must be an https URL such as https://host.example/path": "phải là một URL https, ví dụ https://host.example/path",
    "must be a URL such as https://host.example/path": "phải là một URL, ví dụ https://host.example/path",
    "must be the portal's address as browsers see it, such as https://dichvucong.example.gov.vn":
        "phải là địa chỉ của cổng như trình duyệt thấy, ví dụ https://dichvucong.example.gov.vn",
    "{inner}, with no query and no slash at the end": "{inner}, không có phần truy vấn và không có dấu / ở cuối",
    "must begin with https:// (plain http is for loopback only, or with allow_insecure_http)":
        "phải bắt đầu bằng https:// (http chỉ dành cho địa chỉ nội bộ của máy, hoặc khi có allow_insecure_http)",
    "must begin with https:// (plain http is for loopback, for {choice}, or with allow_insecure_http)":
        "phải bắt đầu bằng https:// (http chỉ dành cho địa chỉ nội bộ của máy, cho {choice}, hoặc khi có allow_insecure_http)",
    "must be a URL without a user name and a password": "phải là một URL không kèm tên người dùng và mật khẩu",
    "must be a URL without a query": "phải là một URL không có phần truy vấn",
    "must be a path of letters, digits and . _ ~ - that begins with / and does not end with one, such as /vneid":
        "phải là một đường dẫn gồm chữ cái, chữ số và . _ ~ -, bắt đầu bằng / và không kết thúc bằng /, ví dụ /vneid",
    "must be a path that begins with /, without a query": "phải là một đường dẫn bắt đầu bằng /, không có phần truy vấn",
    "must be paths that begin with /, as the host sees them, without ? # and %; {path} is not":
        "phải là các đường dẫn bắt đầu bằng / như ứng dụng của cổng thấy, không có ? # và %; {path} không đúng",
    "must be IP addresses or networks such as 10.0.0.0/8; {word} is none":
        "phải là địa chỉ IP hoặc dải mạng, ví dụ 10.0.0.0/8; {word} không phải",
    "must be a path; the home folder in it is nobody's": "phải là một đường dẫn; thư mục nhà trong đó không của ai cả",
    "must name a file": "phải là tên một tệp",
    "must name a file; there is none at {path}": "phải là tên một tệp; không có tệp nào ở {path}",
    "must name a file; {path} can't be read: {reason}": "phải là tên một tệp; không đọc được {path}: {reason}",
    "must be an absolute path, since there is no ini file it could be relative to":
        "phải là đường dẫn tuyệt đối, vì không có tệp ini để tính đường dẫn tương đối",
    "must be a PEM file with the certificates of authorities": "phải là tệp PEM chứa chứng thư của các tổ chức chứng thực",
    "must name a PEM file": "phải là tên một tệp PEM",
    "names a file twice": "nhắc đến một tệp hai lần",
    "must be a private key in PEM form without a passphrase, or a private JWK":
        "phải là khóa riêng dạng PEM không có mật khẩu, hoặc một JWK riêng",
    "must be an RSA key of at least 2048 bits or an EC key on P-256": "phải là khóa RSA ít nhất 2048 bit hoặc khóa EC trên P-256",
    "not a private JWK": "không phải JWK riêng",
    "must be 1 to 128 printable ASCII characters": "phải gồm 1 đến 128 ký tự ASCII in được",
    "must be printable ASCII without blanks": "phải gồm các ký tự ASCII in được, không có khoảng trắng",
    "must have no colon": "không được có dấu hai chấm",
}

_DATABASES = {
    "must be an SQLAlchemy URL, such as sqlite:////var/lib/vneid/vneid.db or postgresql+psycopg://user@host/database":
        "phải là một URL của SQLAlchemy, ví dụ sqlite:////var/lib/vneid/vneid.db hoặc postgresql+psycopg://user@host/database",
    "must be the URL of a database that SQLAlchemy knows, such as {known}":
        "phải là URL của một cơ sở dữ liệu mà SQLAlchemy biết, ví dụ {known}",
    "needs the database driver {name}, which is not installed": "cần trình điều khiển cơ sở dữ liệu {name} chưa được cài",
    "must name the file of the portal's own database, such as sqlite:////var/lib/portal/portal.db":
        "phải là tệp cơ sở dữ liệu của chính cổng, ví dụ sqlite:////var/lib/portal/portal.db",
    "must name a file: what is kept in memory is lost at a restart and seen by one process only":
        "phải là tên một tệp: dữ liệu trong bộ nhớ sẽ mất khi khởi động lại và chỉ một tiến trình thấy được",
    "must be one SELECT without comments": "phải là một câu SELECT không có chú thích",
    "must be one SELECT, without a semicolon": "phải là một câu SELECT, không có dấu chấm phẩy",
    "must be one SELECT that writes nowhere, without INTO": "phải là một câu SELECT không ghi vào đâu, không có INTO",
    "must not bind inside quotes: a colon there is written \\:":
        "không được có tham số bên trong dấu nháy: dấu hai chấm ở đó phải viết là \\:",
    "must ask by at least one of {known}: it would find the same account for everybody":
        "phải truy vấn theo ít nhất một trong {known}: nếu không, ai cũng nhận được cùng một tài khoản",
    "must ask by {known} only; {name} is none of them": "chỉ được truy vấn theo {known}; {name} không thuộc các tham số này",
    "must ask by :{name}: it would find other citizens' documents":
        "phải truy vấn theo :{name}: nếu không sẽ tìm thấy giấy tờ của công dân khác",
    "must ask by names of inputs; :{name} is none": "phải truy vấn theo tên các thông tin nhập; :{name} không phải",
    "must ask by :since and by nothing else": "phải truy vấn theo :since và không theo gì khác",
    "is required, since there is no ini file whose folder could hold it":
        "bắt buộc phải có, vì không có tệp ini để đặt cơ sở dữ liệu cạnh nó",
}

_ACCESS = {
    "'{line}': {inner}": "'{line}': {inner}",
    "'{value}' {inner}": "'{value}' {inner}",
    "expected PATTERN = REQUIREMENT": "phải có dạng PATTERN = REQUIREMENT",
    "no requirement; expected {choice}": "thiếu yêu cầu; cần {choice}",
    "{word} is no requirement; expected {choice}": "{word} không phải là yêu cầu; cần {choice}",
    "pass stands alone; remove it or the others": "pass phải đứng một mình; hãy xóa pass hoặc các yêu cầu khác",
    "the pattern must begin with / or *": "mẫu đường dẫn phải bắt đầu bằng / hoặc *",
    "the pattern has a [ without its ]; write [[] for the character itself":
        "mẫu đường dẫn có [ mà thiếu ]; muốn viết chính ký tự ấy, hãy ghi [[]",
    "the pattern has a set that no character is in, such as [z-a]":
        "mẫu đường dẫn có một tập không chứa ký tự nào, ví dụ [z-a]",
    "needs a plugin that signs people in, and none is active": "cần một plugin đăng nhập, nhưng chưa bật plugin nào như vậy",
    "names {path}, which takeover.login names too": "nhắc đến {path}, mà takeover.login cũng nhắc đến",
    "names {path}, which lies under the middleware's own prefix {prefix}":
        "nhắc đến {path}, nằm dưới tiền tố {prefix} của chính phần mềm trung gian",
    "names a path under the middleware's own prefix {prefix}":
        "ghi một đường dẫn nằm dưới tiền tố {prefix} của chính phần mềm trung gian",
}

_PORTAL = {
    "must have at least {count} characters in each line": "mỗi dòng phải có ít nhất {count} ký tự",
    "must be random: a line repeats the same few characters": "phải ngẫu nhiên: có dòng chỉ lặp lại vài ký tự",
    "plain http is allowed: whoever sees the traffic can sign in as any citizen":
        "đang cho phép http: ai đọc được đường truyền có thể đăng nhập với tư cách bất kỳ công dân nào",
    "must be letters, digits, - and _, at most 32 (__Host- is put before it by itself)":
        "phải gồm chữ cái, chữ số, - và _, tối đa 32 ký tự (__Host- được tự thêm vào trước)",
    "must not be longer than session.max_age": "không được dài hơn session.max_age",
    "is longer than the 15 minutes that information systems of level 3 lock a session after":
        "dài hơn 15 phút, thời gian mà hệ thống thông tin cấp độ 3 phải khóa phiên",
    "lets each citizen leave {size} MB in memory and storage without being signed in":
        "cho phép mỗi công dân để lại {size} MB trong bộ nhớ và cơ sở dữ liệu khi chưa đăng nhập",
    "keeps nothing: no path is protected by access, and the portal's 401 is passed on":
        "không giữ gì cả: access không bảo vệ đường dẫn nào và mã 401 của cổng được chuyển nguyên",
    "must name at least one sink: a portal without an audit can't show who signed in":
        "phải có ít nhất một nơi ghi nhật ký: không có nhật ký thì cổng không chứng minh được ai đã đăng nhập",
    "must be at least {days} days: logs are kept for three months or more":
        "phải ít nhất {days} ngày: nhật ký phải lưu từ ba tháng trở lên",
    "must name sinks that there are; {name} is not {choice}": "phải là các nơi ghi nhật ký có thật; {name} không phải {choice}",
    "the sink database takes no argument; it writes to storage": "nơi ghi database không nhận tham số; nó ghi vào storage",
    "the sink file needs a path: file:var/audit.jsonl": "nơi ghi file cần một đường dẫn: file:var/audit.jsonl",
    "the sink syslog needs host and port: syslog:log.example.gov.vn:514":
        "nơi ghi syslog cần máy và cổng mạng: syslog:log.example.gov.vn:514",
    "is the same key as {name}": "là cùng một khóa với {name}",
}

_HOST = {
    "unknown setting {names}; there are target, pythonpath and environ":
        "không có thiết lập {names}; chỉ có target, pythonpath và environ",
    "takes no settings; there is {names}": "không nhận thiết lập nào; đang có {names}",
    "must name a WSGI callable as package.module:attribute, not {value}":
        "phải ghi một đối tượng WSGI dạng package.module:attribute, không phải {value}",
    "{name} can't be imported: {reason}. Set pythonpath to the host's folder":
        "không nạp được {name}: {reason}. Hãy đặt pythonpath là thư mục của ứng dụng cổng",
    "{name} has no {attribute}": "{name} không có {attribute}",
    "{name} is not callable": "{name} không gọi được",
}

_PLUGINS = {
    "two plugins claim the same: {what}": "hai plugin cùng nhận một việc: {what}",
    "several plugins offer access tokens: {names}": "có nhiều plugin cùng cấp mã truy cập: {names}",
    "the plugin {name} is offered by {owners}; uninstall all but one, or name it by its dotted name":
        "plugin {name} do nhiều gói cung cấp: {owners}; hãy gỡ bớt chỉ để lại một, hoặc ghi đường dẫn đầy đủ của mô-đun",
    "the plugin {name} has no includeme(config) function": "plugin {name} không có hàm includeme(config)",
    "the plugin {name} can't be imported: {reason}": "không nạp được plugin {name}: {reason}",
    "the plugin {name} fails in its includeme: {reason}": "plugin {name} bị lỗi trong includeme: {reason}",
    "the plugin {name}: {inner}": "plugin {name}: {inner}",
    "there is no plugin {name}; did you mean {near}?": "không có plugin {name}; có phải ý bạn là {near}?",
    "there is no plugin {name}; installed are {names}": "không có plugin {name}; đã cài: {names}",
}

GENERAL = {**_ALL, **_CONVERTERS, **_DATABASES, **_ACCESS, **_PORTAL, **_HOST, **_PLUGINS}
