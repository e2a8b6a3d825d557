// What the page asks of the endpoint. Every answer becomes one plain object; nothing is thrown.

const PATIENCE = 20_000;

export class Client {
  // The key is a variable of this page and nothing else: no storage, no cookie, no form that a browser would keep.
  key = "";

  /** Ask who stands at the counter. Returns {http, body, id, after, asksKey}; http is 0 where no answer came. */
  ask(question) {
    return this.#send("POST", "lookup", question);
  }

  /** Ask how a lookup stands; its result is given once. */
  look(id) {
    return this.#send("GET", `lookup/${encodeURIComponent(id)}`);
  }

  /** End a lookup; also while the page goes away. */
  cancel(id) {
    return this.#send("DELETE", `lookup/${encodeURIComponent(id)}`, undefined, true);
  }

  /** Ask whether a lookup would be answered. */
  operator() {
    return this.#send("GET", "operator");
  }

  async #send(method, path, question, keepalive = false) {
    const headers = { Accept: "application/json" };
    if (this.key) headers.Authorization = `Bearer ${this.key}`;
    if (question) headers["Content-Type"] = "application/json";
    try {
      const response = await fetch(path, {
        method, headers, keepalive, body: question && JSON.stringify(question), cache: "no-store",
        credentials: "same-origin", redirect: "error", signal: AbortSignal.timeout(PATIENCE),
      });
      const body = response.status === 204 ? {} : await response.json();
      return {
        http: response.status, body,
        // the address may name the portal by another of its names: the id is what counts
        id: decodeURIComponent((response.headers.get("Location") ?? "").split("/").pop()),
        after: Number(response.headers.get("Retry-After")) || 1,
        asksKey: (response.headers.get("WWW-Authenticate") ?? "").toLowerCase().startsWith("bearer"),
      };
    } catch {
      return { http: 0, body: {}, id: "", after: 2, asksKey: false };
    }
  }
}
