/** The signed-in user: tokens live in this tab only, and the access token is renewed once when it has expired. */
import { ok, type Api } from "./client";
import type { components } from "./schema";
import { fetchAgain, upload, type OnSent, type Send } from "./sending";

export type User = components["schemas"]["User"];
type Tokens = Pick<components["schemas"]["Tokens"], "accessToken" | "refreshToken" | "deviceToken">;

interface Stored extends Tokens {
  user: User;
  /** The picture of a person chosen last. */
  personImageId?: string;
}

const KEY = "studio.session";

export class Session {
  private stored: Stored | null;
  private renewal: Promise<boolean> | null = null;
  private readonly listeners = new Set<() => void>();

  constructor(private readonly apiUrl: string) {
    const text = sessionStorage.getItem(KEY);
    this.stored = text ? (JSON.parse(text) as Stored) : null;
  }

  get user(): User | null {
    return this.stored?.user ?? null;
  }

  /** The picture of a person chosen last in this tab. It is forgotten with the session. */
  get personImageId(): string | null {
    return this.stored?.personImageId ?? null;
  }

  keepPerson(personImageId: string): void {
    if (this.stored) this.set({ ...this.stored, personImageId });
  }

  get accessToken(): string | null {
    return this.stored?.accessToken ?? null;
  }

  /** Whether the last session was ended by the server, not by its user. */
  expired = false;

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  start(tokens: Tokens, user: User): void {
    const { accessToken, refreshToken, deviceToken } = tokens;
    this.expired = false;
    this.set({ accessToken, refreshToken, deviceToken, user });
  }

  /** The server has issued new tokens for this session; what was chosen in the tab stays. */
  renewed(tokens: Tokens): void {
    const { accessToken, refreshToken, deviceToken } = tokens;
    if (this.stored) this.set({ ...this.stored, accessToken, refreshToken, deviceToken });
  }

  /** End the session here, and at the server, where its tokens would go on working; without an answer they expire. */
  signOut(): void {
    const ended = this.stored;
    this.expired = false;
    this.end();
    if (!ended) return;
    const headers = { "Content-Type": "application/json", Authorization: `Bearer ${ended.accessToken}` };
    const body = JSON.stringify({ refreshToken: ended.refreshToken });
    fetch(`${this.apiUrl}/api/auth/logout`, { method: "POST", headers, body, keepalive: true }).catch(() => undefined);
  }

  /** The account has changed; the tokens stay. */
  update(user: User): void {
    if (this.stored && JSON.stringify(this.stored.user) !== JSON.stringify(user)) this.set({ ...this.stored, user });
  }

  end(): void {
    this.set(null);
  }

  /** Fetch with the access token; when it has expired, renew it and try once more, as the same user. */
  readonly fetch: Send = (request) => this.fetchBy(fetchAgain, request);

  /** The same for an upload, which says how much is sent. */
  uploading(onSent: OnSent): Send {
    return (request) => this.fetchBy((authorized) => upload(authorized, onSent), request);
  }

  private async fetchBy(send: Send, request: Request): Promise<Response> {
    const asked = this.stored?.user.id;
    const again = request.clone();
    const response = await send(this.authorized(request));
    if (response.status !== 401 || !asked || request.url.includes("/api/auth/login")) return response;
    const renewed = (await this.renew()) && this.stored?.user.id === asked;
    return renewed ? send(this.authorized(again)) : response;
  }

  private authorized(request: Request): Request {
    if (this.stored) request.headers.set("Authorization", `Bearer ${this.stored.accessToken}`);
    return request;
  }

  private renew(): Promise<boolean> {
    this.renewal ??= this.askForTokens().finally(() => {
      this.renewal = null;
    });
    return this.renewal;
  }

  private async askForTokens(): Promise<boolean> {
    const before = this.stored;
    if (!before) return false;
    const renewal = new Request(`${this.apiUrl}/api/auth/refresh`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      // With the device's token a lost answer is repeated.
      body: JSON.stringify({ refreshToken: before.refreshToken, deviceToken: before.deviceToken }),
    });
    const response = await fetchAgain(renewal);
    // Who signed out, or in as another, while this was under way stays so.
    if (this.stored?.refreshToken !== before.refreshToken) return this.stored !== null;
    if (!response.ok) {
      // Too many calls, or a service that is away, end no session.
      if (response.status < 500 && response.status !== 429) {
        this.expired = true;
        this.end();
      }
      return false;
    }
    const { accessToken, refreshToken } = (await response.json()) as Tokens;
    const current = this.stored;
    if (current?.refreshToken !== before.refreshToken) return current !== null;
    this.set({ ...current, accessToken, refreshToken });
    return true;
  }

  private set(stored: Stored | null): void {
    this.stored = stored;
    if (stored) sessionStorage.setItem(KEY, JSON.stringify(stored));
    else sessionStorage.removeItem(KEY);
    for (const listener of this.listeners) listener();
  }
}

/** Start a session with an e-mail address and a password, and the code of an authenticator app where one is asked for. */
export async function signIn(
  api: Api,
  session: Session,
  { email, password, code }: { email: string; password: string; code?: string },
): Promise<void> {
  const answer = await ok(api.POST("/api/auth/login", { body: { email, password, ...(code ? { code } : {}) } }));
  session.start(answer, answer.user);
}
