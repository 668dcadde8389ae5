/** The signed-in user: tokens live in this tab only, and the access token is renewed once when it has expired. */
import type { components } from "./schema";

export type User = components["schemas"]["User"];
type Tokens = Pick<components["schemas"]["Tokens"], "accessToken" | "refreshToken">;

interface Stored extends Tokens {
  user: User;
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

  get accessToken(): string | null {
    return this.stored?.accessToken ?? null;
  }

  readonly subscribe = (listener: () => void): (() => void) => {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  };

  start(tokens: Tokens, user: User): void {
    this.set({ accessToken: tokens.accessToken, refreshToken: tokens.refreshToken, user });
  }

  end(): void {
    this.set(null);
  }

  /** Fetch with the access token; when it has expired, renew it and try once more. */
  readonly fetch = async (request: Request): Promise<Response> => {
    const again = request.clone();
    const response = await fetch(this.authorized(request));
    if (response.status !== 401 || !this.stored || request.url.includes("/api/auth/login")) return response;
    return (await this.renew()) ? fetch(this.authorized(again)) : response;
  };

  private authorized(request: Request): Request {
    if (this.stored) request.headers.set("Authorization", `Bearer ${this.stored.accessToken}`);
    return request;
  }

  private renew(): Promise<boolean> {
    this.renewal ??= this.renewed().finally(() => {
      this.renewal = null;
    });
    return this.renewal;
  }

  private async renewed(): Promise<boolean> {
    if (!this.stored) return false;
    const response = await fetch(`${this.apiUrl}/api/auth/refresh`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body: JSON.stringify({ refreshToken: this.stored.refreshToken }),
    });
    if (!response.ok) {
      this.end();
      return false;
    }
    const tokens = (await response.json()) as Tokens;
    this.set({ ...this.stored, accessToken: tokens.accessToken, refreshToken: tokens.refreshToken });
    return true;
  }

  private set(stored: Stored | null): void {
    this.stored = stored;
    if (stored) sessionStorage.setItem(KEY, JSON.stringify(stored));
    else sessionStorage.removeItem(KEY);
    for (const listener of this.listeners) listener();
  }
}
