// Fills the dossier in with what the counter's page hands over, and tells the counter that it was taken.
"use strict";
(() => {
  const NAMES = { soDinhDanh: "personal_id", hoVaTen: "applicant_name", ngayThangNamSinh: "applicant_birth_date", noiThuongTru: "address" };
  const form = document.getElementById("reception"), proof = document.getElementById("proof");
  const channel = new BroadcastChannel("vneid-counter");

  // YYYY, YYYYMM or YYYYMMDD, as far as the date is known
  const written = date => [date.slice(6, 8), date.slice(4, 6), date.slice(0, 4)].filter(part => part && part !== "00").join("/");

  function say(text) {
    proof.textContent = text;
    proof.hidden = false;
  }

  channel.onmessage = ({ data: message }) => {
    if (message.type !== "vneid-counter/citizen") return;
    for (const [theirs, ours] of Object.entries(NAMES)) {
      const value = message.data[theirs] ?? ""; // what this citizen does not have must not be the last one's
      form.elements[ours].value = theirs === "ngayThangNamSinh" ? written(value) : value;
    }
    say(message.verified ? "Thông tin công dân do VNeID cung cấp." : "Thông tin chưa được VNeID xác thực: hãy đối chiếu với giấy tờ.");
    channel.postMessage({ type: "vneid-counter/received", id: message.id });
  };
  form.addEventListener("input", event => {
    if (!proof.hidden && Object.values(NAMES).includes(event.target.name)) say("Thông tin đã được sửa bằng tay: hãy đối chiếu với giấy tờ.");
  });
})();
