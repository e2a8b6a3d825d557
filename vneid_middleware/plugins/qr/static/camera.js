// Reads QR codes from the camera. The decoder, the package `qr` from npm, is loaded when the camera is first used.

const EVERY = 120; // milliseconds between two pictures that are looked at
const WIDEST = 1280; // pixels: finer pictures cost time and show no more of a code
const EFFORT = { effort: Infinity, timeLimit: 80 };

export class Camera {
  #stream = null;
  #turn = 0;

  constructor(video) {
    this.video = video;
    this.canvas = document.createElement("canvas");
  }

  get isOn() {
    return this.#stream !== null;
  }

  /** Show the camera and return the first code that it sees; null where it was stopped. Throws the browser's DOMException. */
  async read() {
    this.stop();
    const turn = this.#turn;
    if (!navigator.mediaDevices) throw new DOMException("", "SecurityError");
    const [{ decodeQR }, stream] = await Promise.all([import("./qr/decode.js"), navigator.mediaDevices.getUserMedia({
      audio: false, video: { facingMode: { ideal: "environment" }, width: { ideal: WIDEST }, height: { ideal: 720 } } })]);
    if (turn !== this.#turn) {
      for (const track of stream.getTracks()) track.stop();
      return null;
    }
    this.#stream = stream;
    this.video.srcObject = stream;
    await this.video.play();
    while (turn === this.#turn) {
      const code = this.#look(decodeQR);
      if (code) {
        this.stop();
        return code;
      }
      await new Promise(resolve => setTimeout(resolve, EVERY));
    }
    return null;
  }

  stop() {
    this.#turn += 1;
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = null;
    this.video.srcObject = null;
    // the last picture shows the citizen's telephone
    this.canvas.width = this.canvas.height = 0;
  }

  #look(decodeQR) {
    const { videoWidth, videoHeight } = this.video;
    if (!videoWidth) return "";
    const scale = Math.min(1, WIDEST / videoWidth);
    const width = Math.round(videoWidth * scale), height = Math.round(videoHeight * scale);
    Object.assign(this.canvas, { width, height });
    const context = this.canvas.getContext("2d", { willReadFrequently: true });
    context.drawImage(this.video, 0, 0, width, height);
    try {
      return decodeQR(context.getImageData(0, 0, width, height), EFFORT);
    } catch {
      return ""; // no code in this picture
    }
  }
}
