import { createContext, useContext, useSyncExternalStore } from "react";

import type { Api } from "./api/client";
import type { Session, User } from "./api/session";
import type { Config } from "./config";

export interface App {
  api: Api;
  session: Session;
  config: Config;
}

export const AppContext = createContext<App | null>(null);

export function useApp(): App {
  const app = useContext(AppContext);
  if (!app) throw new Error("AppContext is missing");
  return app;
}

export function useUser(): User | null {
  const { session } = useApp();
  return useSyncExternalStore(session.subscribe, () => session.user);
}
