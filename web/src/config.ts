/** The configuration of the page: `config.json` beside it, written when it is served or deployed. */
import { reach } from "./api/client";

export interface LocalAccount {
  role: string;
  email: string;
  password: string;
}

/** What only a developer's machine has. */
export interface Local {
  accounts: LocalAccount[];
  /** Every provider; `url` is the address of its emulator. */
  providers: Record<string, { emulated: boolean; url: string | null }>;
  /** Where the control surfaces of the emulators and the log of the app are. */
  tools: string;
}

export interface Config {
  /** Address of the API without `/api`. */
  apiUrl: string;
  /** Only on a developer's machine. */
  local?: Local;
}

export async function loadConfig(): Promise<Config> {
  const response = await reach("/config.json", { cache: "no-store" });
  if (!response.ok) throw new Error("config.json is missing: write {\"apiUrl\": \"https://...\"} beside index.html.");
  const config = (await response.json()) as Config;
  return { ...config, apiUrl: config.apiUrl.replace(/\/$/, "") };
}
