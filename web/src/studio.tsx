import { Fragment, useEffect, useRef, type ReactNode } from "react";

import { signIn } from "./api/session";
import { useApp, useUser } from "./app-context";
import { ErrorNote } from "./components/basics";
import type { Local as LocalFacts, LocalAccount } from "./config";
import { useAction, useOnline, useRoute } from "./hooks";
import { Account } from "./views/account";
import { Credits } from "./views/credits";
import { Keys } from "./views/keys";
import { Local } from "./views/local";
import { Merchant } from "./views/merchant";
import { Operate } from "./views/operate/operate";
import { Shop } from "./views/shop";
import { SignIn } from "./views/sign-in";
import { TryOn } from "./views/try-on";
import { Vendor } from "./views/vendor";
import { Webhooks } from "./views/webhooks";

interface View {
  path: string;
  name: string;
  /** Roles it is for; empty: for anyone, signed in or not. */
  roles: string[];
  /** Whether it is reached from elsewhere than the navigation. */
  hidden?: boolean;
  show: () => ReactNode;
}

const SIGNED_IN = ["shopper", "vendor", "merchant", "admin"];

const VIEWS: View[] = [
  { path: "shop", name: "Shop", roles: [], show: () => <Shop /> },
  { path: "try-on", name: "Try on", roles: SIGNED_IN, show: () => <TryOn /> },
  { path: "credits", name: "Credits", roles: SIGNED_IN, show: () => <Credits /> },
  { path: "vendor", name: "Vendor", roles: ["vendor"], show: () => <Vendor /> },
  { path: "merchant", name: "Merchant", roles: ["merchant"], show: () => <Merchant /> },
  { path: "operate", name: "Operate", roles: ["admin"], show: () => <Operate /> },
  { path: "keys", name: "API keys", roles: SIGNED_IN, show: () => <Keys /> },
  { path: "webhooks", name: "Webhooks", roles: SIGNED_IN, show: () => <Webhooks /> },
  { path: "account", name: "Account", roles: [], hidden: true, show: () => <Account /> },
  { path: "sign-in", name: "Sign in", roles: [], hidden: true, show: () => <SignIn wanted={null} /> },
];

/** What an address of no view shows. */
const NO_VIEW: View = { path: "", name: "There is no such page", roles: [], hidden: true, show: () => <NoView /> };

function NoView() {
  return (
    <section className="narrow">
      <h1>{NO_VIEW.name}</h1>
      <p>The address may be mistyped, or from an older version of this page.</p>
      <a className="button" href="#/shop">
        Go to the start
      </a>
    </section>
  );
}

/** The view that an account works in first. */
export function homeOf(role: string): string {
  return { vendor: "vendor", merchant: "merchant", admin: "operate" }[role] ?? "try-on";
}

/** The views of this page; that of this machine only where there is one. */
function viewsOf(local: LocalFacts | undefined): View[] {
  return local ? [...VIEWS, { path: "local", name: "This machine", roles: [], show: () => <Local local={local} /> }] : VIEWS;
}

export function Studio() {
  const { config, session } = useApp();
  const user = useUser();
  const { view: path } = useRoute();
  const views = viewsOf(config.local);
  const view = views.find((one) => one.path === (path || "shop")) ?? NO_VIEW;
  const title = view.name;
  useEffect(() => {
    document.title = `${title} · AI Fashion Studio`;
  }, [title]);
  const shown = useRef(view.path);
  useEffect(() => {
    if (shown.current === view.path) return;
    shown.current = view.path;
    // Another view begins at its top, for keyboards and screen readers, too.
    window.scrollTo(0, 0);
    document.getElementById("content")?.focus({ preventScroll: true });
    document.querySelector('header nav [aria-current="page"]')?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [view.path]);
  const allowed = view.roles.length === 0 || (user !== null && view.roles.includes(user.role));
  const listed = views.filter((one) => !one.hidden && (one.roles.length === 0 || !user || one.roles.includes(user.role)));
  return (
    <>
      <a className="skip" href="#content" onClick={skip}>
        Skip to content
      </a>
      <header>
        <a className="brand" href="#/shop">
          <img src="/icon.svg" alt="" width={28} height={28} />
          AI Fashion Studio
        </a>
        <nav aria-label="Views">
          {listed.map((one) => (
            <a key={one.path} href={`#/${one.path}`} aria-current={one.path === view.path ? "page" : undefined}>
              {one.name}
            </a>
          ))}
        </nav>
        <div className="account">
          {user ? (
            <>
              <a className="small" href="#/account">
                <span className="who">{user.email}, </span>
                {user.role}
              </a>
              <button type="button" className="quiet" onClick={() => session.signOut()}>
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
      <Offline />
      {config.local && <LocalBar local={config.local} role={user?.role ?? null} view={view} />}
      <main id="content" tabIndex={-1}>
        {/* Nothing of one account is shown to the next; forms of accounts stay mounted while they sign in. */}
        <Fragment key={view.hidden ? "" : (user?.id ?? "")}>{allowed ? view.show() : <SignIn wanted={view} />}</Fragment>
      </main>
      <footer className="small">
        <a href={`${config.apiUrl}/api/docs`}>API reference</a>
        <a href={`${config.apiUrl}/api/openapi.json`}>OpenAPI</a>
      </footer>
    </>
  );
}

/** Says that what is shown may be old. */
function Offline() {
  const online = useOnline();
  return (
    <div role="status">
      {!online && <p className="offline">No connection. What you see may be out of date; it goes on when you are back online.</p>}
    </div>
  );
}

function skip(event: { preventDefault: () => void }): void {
  event.preventDefault();
  document.getElementById("content")?.focus();
}

/** On one machine: what is emulated, and a change of account in one click. */
function LocalBar({ local, role, view }: { local: LocalFacts; role: string | null; view: View }) {
  const { api, session } = useApp();
  const { busy, error, run } = useAction();
  const emulated = Object.values(local.providers).filter((provider) => provider.emulated).length;
  const enter = (account: LocalAccount) => {
    const from = window.location.hash;
    run(async () => {
      await signIn(api, session, account);
      const stays = view !== NO_VIEW && view.path !== "sign-in" && (view.roles.length === 0 || view.roles.includes(account.role));
      // Who went to another view meanwhile stays there.
      if (!stays && window.location.hash === from) window.location.hash = `#/${homeOf(account.role)}`;
    });
  };
  return (
    <aside className="local small" aria-label="This machine">
      <p className="row">
        <span>
          <strong>On this machine.</strong>{" "}
          {emulated > 0 && <a href="#/local">{emulated} providers are emulated</a>}
        </span>
        <span className="row right" role="group" aria-label="Sign in as">
          Sign in as
          {local.accounts.map((account) => (
            <button
              key={account.role}
              type="button"
              className="quiet"
              disabled={busy}
              aria-label={`Sign in as ${account.role}`}
              aria-pressed={role === account.role}
              onClick={() => enter(account)}
            >
              {account.role}
            </button>
          ))}
        </span>
      </p>
      <ErrorNote error={error} />
    </aside>
  );
}
