/** The configuration of the page: `config.json` beside it, written when it is served or deployed. */

export interface LocalAccount {
  role: string;
  email: string;
  password: string;
}

export interface Config {
  /** Address of the API without `/api`. */
  apiUrl: string;
  /** Only on a developer's machine. */
  local?: {
    accounts: LocalAccount[];
    /** Emulators that stand in for providers: name and address of their page. */
    providers: Record<string, string>;
  };
}

export async function loadConfig(): Promise<Config> {
  const response = await fetch("./config.json", { cache: "no-store" });
  if (!response.ok) throw new Error("config.json is missing: write {\"apiUrl\": \"https://...\"} beside index.html.");
  const config = (await response.json()) as Config;
  return { ...config, apiUrl: config.apiUrl.replace(/\/$/, "") };
}
