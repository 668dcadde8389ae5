/** Live messages over Azure Web PubSub (`json.webpubsub.azure.v1`). */
import { ok, type Api } from "./client";

/** Calls `changed` whenever something of the user changes, until the returned function is called. */
export function follow(api: Api, changed: () => void): () => void {
  let socket: WebSocket | null = null;
  let stopped = false;
  let attempt = 0;

  async function open(): Promise<void> {
    try {
      const { url, subprotocol } = await ok(api.GET("/api/notifications/negotiate"));
      if (stopped) return;
      socket = new WebSocket(url, subprotocol);
      socket.onmessage = (event) => {
        attempt = 0;
        const frame = JSON.parse(String(event.data)) as { type?: string };
        if (frame.type === "message") changed();
      };
      socket.onclose = () => retry();
    } catch {
      retry();
    }
  }

  function retry(): void {
    if (stopped) return;
    attempt += 1;
    setTimeout(() => void open(), Math.min(30_000, 1000 * 2 ** attempt));
  }

  void open();
  return () => {
    stopped = true;
    socket?.close();
  };
}
