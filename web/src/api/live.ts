/** Live messages over Azure Web PubSub (`json.webpubsub.azure.v1`). */
import { ok, type Api } from "./client";

/** Calls `changed` whenever something of the user changes or may have changed unseen, until the returned function is called. */
export function follow(api: Api, changed: () => void): () => void {
  let socket: WebSocket | null = null;
  let stopped = false;
  let attempt = 0;
  let turn = 0;
  let missed = false;
  let timer = 0;

  async function open(): Promise<void> {
    turn += 1;
    const mine = turn;
    // Back online it is opened again.
    if (!navigator.onLine) return;
    try {
      const { url, subprotocol } = await ok(api.GET("/api/notifications/negotiate"));
      if (stopped || mine !== turn) return;
      socket = new WebSocket(url, subprotocol);
      socket.onopen = () => {
        if (missed) changed();
        missed = false;
      };
      socket.onmessage = (event) => {
        attempt = 0;
        const frame = JSON.parse(String(event.data)) as { type?: string };
        if (frame.type === "message") changed();
      };
      socket.onclose = () => retry();
    } catch {
      if (mine === turn) retry();
    }
  }

  function retry(): void {
    if (stopped) return;
    attempt += 1;
    missed = true;
    timer = window.setTimeout(() => void open(), Math.min(30_000, 1000 * 2 ** attempt));
  }

  /** The network is back: a socket of before it went may never say that it is dead. */
  function again(): void {
    clearTimeout(timer);
    if (socket) socket.onclose = null;
    socket?.close();
    missed = true;
    attempt = 0;
    void open();
  }

  window.addEventListener("online", again);
  void open();
  return () => {
    stopped = true;
    clearTimeout(timer);
    window.removeEventListener("online", again);
    socket?.close();
  };
}
