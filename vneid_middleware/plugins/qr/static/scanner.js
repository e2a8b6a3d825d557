// The field that the scanner types into. A scanner types far faster than a hand, and may or may not press Enter in the end.

const SILENCE = 400; // milliseconds without a letter after which a burst is over
const STALE = 1000; // milliseconds after which a letter begins something new, and is not a slow scanner's next one
const FASTEST_HAND = 50; // milliseconds between letters, on average: nobody types a code faster
const LEAST = 8; // letters: shorter bursts wait for Enter

export class Scanner {
  #burst = { from: 0, first: 0, last: -Infinity, letters: 0 };
  #timer = 0;

  /** `onCode` gets what was scanned, pasted or typed; `onCaps` whether Caps Lock is on. */
  constructor(field, onCode, onCaps) {
    this.field = field;
    this.onCode = onCode;
    field.addEventListener("keydown", event => this.#key(event, onCaps));
    field.addEventListener("input", event => this.#input(event));
    document.addEventListener("keydown", event => this.#anywhere(event, onCaps), true);
  }

  /** Be ready for the next scan, unless somebody is on a telephone, whose keyboard would cover the page. */
  focus() {
    if (matchMedia("(hover: hover)").matches) this.field.focus({ preventScroll: true });
  }

  clear() {
    clearTimeout(this.#timer);
    this.field.value = "";
    this.#burst = { from: 0, first: 0, last: -Infinity, letters: 0 };
  }

  /** Hand over what is in the field; where a scanner typed after something that was left there, its part alone. */
  finish() {
    const code = this.field.value.slice(this.#isBurst() ? this.#burst.from : 0).trim();
    this.clear();
    if (code) this.onCode(code);
  }

  #isBurst() {
    const { first, last, letters } = this.#burst;
    return letters >= LEAST && (last - first) / (letters - 1) <= FASTEST_HAND;
  }

  #key(event, onCaps) {
    onCaps(event.getModifierState("CapsLock"));
    if (event.isComposing) return;
    // some scanners end with Tab, which from a hand leads to the next field
    if (event.key === "Enter" || (event.key === "Tab" && this.#isBurst() && event.timeStamp - this.#burst.last < SILENCE)) {
      event.preventDefault();
      this.finish();
    }
  }

  #input(event) {
    clearTimeout(this.#timer);
    if (event.inputType === "insertFromPaste" || event.inputType === "insertFromDrop") {
      this.#burst.letters = 0;
      this.finish();
      return;
    }
    // when the letter was typed: a busy page may be told of it later
    const now = event.timeStamp;
    if (now - this.#burst.last > STALE) {
      this.#burst = { from: Math.max(0, this.field.value.length - 1), first: now, last: now, letters: 0 };
    }
    this.#burst.last = now;
    this.#burst.letters += 1;
    this.#timer = setTimeout(() => this.#isBurst() && this.finish(), SILENCE);
  }

  // Letters that come while a button or nothing has the focus are the scanner's.
  #anywhere(event, onCaps) {
    if (event.target === this.field || event.ctrlKey || event.altKey || event.metaKey) return;
    if (event.target.matches("input, select, textarea") || !this.field.checkVisibility()) return;
    if (event.key.length === 1 && event.key !== " ") {
      onCaps(event.getModifierState("CapsLock"));
      this.field.focus({ preventScroll: true });
    }
  }
}
