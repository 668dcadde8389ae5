import { useEffect, type ReactNode } from "react";

import { useApp, useUser } from "./app-context";
import { useRoute } from "./hooks";
import { Merchant } from "./views/merchant";
import { Operate } from "./views/operate";
import { Shop } from "./views/shop";
import { SignIn } from "./views/sign-in";
import { TryOn } from "./views/try-on";
import { Vendor } from "./views/vendor";

interface View {
  path: string;
  name: string;
  /** Roles it is for; empty: for anyone, signed in or not. */
  roles: string[];
  show: () => ReactNode;
}

const SIGNED_IN = ["shopper", "vendor", "merchant", "admin"];

const VIEWS: View[] = [
  { path: "shop", name: "Shop", roles: [], show: () => <Shop /> },
  { path: "try-on", name: "Try on", roles: SIGNED_IN, show: () => <TryOn /> },
  { path: "vendor", name: "Vendor", roles: ["vendor"], show: () => <Vendor /> },
  { path: "merchant", name: "Merchant", roles: ["merchant"], show: () => <Merchant /> },
  { path: "operate", name: "Operate", roles: ["admin"], show: () => <Operate /> },
];

export function Studio() {
  const { config, session } = useApp();
  const user = useUser();
  const { view: path } = useRoute();
  const view = VIEWS.find((one) => one.path === path) ?? VIEWS[0];
  const title = path === "sign-in" ? "Sign in" : (view?.name ?? "Studio");
  useEffect(() => {
    document.title = `${title} · AI Fashion Studio`;
  }, [title]);
  if (!view) return null;
  const allowed = view.roles.length === 0 || (user !== null && view.roles.includes(user.role));
  return (
    <>
      <a className="skip" href="#content" onClick={skip}>
        Skip to content
      </a>
      <header>
        <a className="brand" href="#/shop">
          <img src="./icon.svg" alt="" width={28} height={28} />
          AI Fashion Studio
        </a>
        <nav aria-label="Views">
          {VIEWS.filter((one) => one.roles.length === 0 || !user || one.roles.includes(user.role)).map((one) => (
            <a key={one.path} href={`#/${one.path}`} aria-current={one.path === view.path ? "page" : undefined}>
              {one.name}
            </a>
          ))}
        </nav>
        <div className="account">
          {user ? (
            <>
              <span className="small who">
                {user.email} ({user.role})
              </span>
              <button type="button" className="quiet" onClick={() => session.end()}>
                Sign out
              </button>
            </>
          ) : (
            <a className="button quiet" href="#/sign-in">
              Sign in
            </a>
          )}
        </div>
      </header>
      {config.local && <LocalBar />}
      <main id="content" tabIndex={-1}>
        {path === "sign-in" || !allowed ? <SignIn wanted={allowed ? null : view} /> : view.show()}
      </main>
      <footer className="small">
        <a href={`${config.apiUrl}/api/docs`}>API reference</a>
        <a href={`${config.apiUrl}/api/openapi.json`}>OpenAPI</a>
      </footer>
    </>
  );
}

function skip(event: { preventDefault: () => void }): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

function LocalBar() {
  const { config } = useApp();
  const providers = Object.entries(config.local?.providers ?? {});
  return (
    <aside className="local small" aria-label="Local stack">
      <strong>Local stack.</strong> Emulated providers:{" "}
      {providers.map(([name, url], index) => (
        <span key={name}>
          {index > 0 && ", "}
          <a href={url} target="_blank" rel="noreferrer">
            {name}
          </a>
        </span>
      ))}
      . What they return is no product of the real service.
    </aside>
  );
}
