/** Addresses in e-mails, SMS and PayPal's way back, as views of this page; the token of a link stays in the fragment. */
const ADDRESSES: [RegExp, string][] = [
  [/^\/(?:tryons|conversions)\/([0-9a-z-]{1,64})$/, "try-on?run=$1"],
  [/^\/tryons\/batches\/[0-9a-z-]{1,64}$/, "try-on"],
  [/^\/credits$/, "credits"],
  [/^\/drops$/, "vendor"],
  [/^\/account\/(confirm-email|reset-password|invitation)$/, "account/$1"],
  [/^\/admin\/payments\/.+$/, "operate/jobs"],
  [/^\/admin\/(?:system|spending)$/, "operate/overview"],
];

/** The hash of the view that an address means; null for an address of none. */
export function viewOf({ pathname, search, hash }: { pathname: string; search: string; hash: string }): string | null {
  for (const [pattern, view] of ADDRESSES) {
    if (!pattern.test(pathname)) continue;
    const target = pathname.replace(pattern, view);
    const more = [search.slice(1), hash.slice(1)].filter(Boolean).join("&");
    return `#/${target}${more ? `${target.includes("?") ? "&" : "?"}${more}` : ""}`;
  }
  return null;
}

/** Show the view that the address means; an unknown address shows the first view. */
export function enter(): void {
  if (window.location.pathname === "/") return;
  const view = viewOf(window.location);
  window.history.replaceState(null, "", `/${view ?? ""}`);
}
