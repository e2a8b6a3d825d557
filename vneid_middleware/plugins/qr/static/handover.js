// Hands a citizen's data over to the portal's own page. Only pages of this very origin can receive it.

export const CHANNEL = "vneid-counter";
const CITIZEN = "vneid-counter/citizen", RECEIVED = "vneid-counter/received";
const WAIT = 1500; // milliseconds for a page to say that it took the data

export class HandOver {
  #channel = new BroadcastChannel(CHANNEL);
  #awaited = null;

  constructor() {
    this.#channel.onmessage = event => {
      if (this.#awaited && event.data?.type === RECEIVED && event.data.id === this.#awaited.id) this.#awaited.resolve(true);
    };
  }

  /** Send; returns whether a page has said that it took the data. */
  send(person, context) {
    const id = Array.from(crypto.getRandomValues(new Uint8Array(12)), byte => byte.toString(16).padStart(2, "0")).join("");
    const message = { type: CITIZEN, version: 1, id, ...person, unitCode: context.unitCode ?? "", dossier: context.dossier ?? "" };
    this.#channel.postMessage(message);
    for (const page of new Set([window.opener, window.parent])) {
      // the browser delivers it to this origin alone, whoever opened or framed the page
      if (page && page !== window) page.postMessage(message, location.origin);
    }
    return new Promise(resolve => {
      this.#awaited = { id, resolve };
      setTimeout(resolve, WAIT, false);
    });
  }
}
