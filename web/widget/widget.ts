/**
 * "Try it on" beside a product's photo, for any shop's page:
 *
 *   <script src="https://studio.example.com/widget.js" data-api="https://api.example.com"
 *           data-key="pk_..." data-product="SHIRT-1" async></script>
 *
 * Everything is drawn in a shadow root beside the script; no style of the page reaches it, and nothing but the API is asked.
 */
import type { components } from "../src/api/schema";
import styles from "./widget.css?inline";

type Visit = components["schemas"]["Visit"];
type Started = components["schemas"]["VisitStarted"];
type Terms = components["schemas"]["WidgetTerms"];
type Problem = components["schemas"]["Problem"];

const POLL_MS = 1500;
/** How often a call is repeated that met too many others, and the longest wait for it in seconds; a longer one is shown as an error. */
const REPEATS = 5;
const PATIENCE_S = 10;
const ENDED = new Set<string>(["completed", "failed", "cancelled"]);
const TAKEN = "image/jpeg,image/png,image/webp,image/avif,image/heic";

const PROMISE = "Your photo is used for your try-ons alone. When you delete it here, everything made of it is deleted, too.";

const count = (value: number, unit: string): string =>
  new Intl.NumberFormat("en", { style: "unit", unit, unitDisplay: "long", maximumFractionDigits: 1 }).format(value);

/** Seconds in the largest unit of which there is at least one. */
function within(seconds: number): string {
  const [size, unit] = ([[86_400, "day"], [3_600, "hour"], [60, "minute"]] as const).find(([one]) => seconds >= one) ?? [1, "second"];
  return count(seconds / size, unit);
}

/** What the API refused, in its own words. */
class Refused extends Error {
  constructor(
    readonly code: string,
    detail: string,
  ) {
    super(detail);
  }
}

interface Options {
  api: string;
  key: string;
  product: string;
  label: string;
}

/** The visit's token, in the tab's storage, or in the browser's where the shopper keeps the photo. */
class Visits {
  private readonly name: string;

  constructor(private readonly options: Options) {
    this.name = `try-it-on:${options.key.split("_")[2] ?? ""}`;
  }

  get token(): string | null {
    return sessionStorage.getItem(this.name) ?? localStorage.getItem(this.name);
  }

  async start(keep: boolean): Promise<void> {
    const headers = { "Content-Type": "application/json", "X-Publishable-Key": this.options.key };
    const started = await this.ask<Started>("POST", "visit", headers, JSON.stringify({ keep }));
    (keep ? localStorage : sessionStorage).setItem(this.name, started.token);
  }

  forget(): void {
    sessionStorage.removeItem(this.name);
    localStorage.removeItem(this.name);
  }

  terms(): Promise<Terms> {
    return this.ask("GET", "terms");
  }

  get(): Promise<Visit> {
    return this.ask("GET", "visit");
  }

  photo(file: File): Promise<Visit> {
    return this.ask("POST", "photo", { "Content-Type": file.type || "image/jpeg" }, file);
  }

  tryOn(): Promise<Visit> {
    const body = JSON.stringify({ product: this.options.product });
    return this.ask("POST", "tryon", { "Content-Type": "application/json" }, body);
  }

  async end(): Promise<void> {
    await this.ask("DELETE", "visit");
    this.forget();
  }

  private async ask<T>(method: string, path: string, more: Record<string, string> = {}, body?: BodyInit): Promise<T> {
    const token = this.token;
    const headers = { ...(token && !more["X-Publishable-Key"] ? { Authorization: `Bearer ${token}` } : {}), ...more };
    let answer: Response;
    for (let left = REPEATS; ; left--) {
      try {
        answer = await fetch(`${this.options.api}/api/widget/${path}`, { method, headers, body: body ?? null });
      } catch {
        throw new Refused("unreachable", "The try-on can't be reached. Check your connection, and try again.");
      }
      const wait = answer.status === 429 ? Number(answer.headers.get("Retry-After") ?? Infinity) : Infinity;
      if (left === 0 || wait > PATIENCE_S) break;
      // Some of the wait is chance, so that those who were refused together do not come back together.
      await new Promise((resolve) => setTimeout(resolve, 1000 * wait * (0.5 + Math.random())));
    }
    if (answer.ok) return (answer.status === 204 ? undefined : await answer.json()) as T;
    const problem = (await answer.json().catch(() => ({}))) as Partial<Problem>;
    // The visit may have been ended, and another begun, while this was under way.
    if (problem.code === "visit_ended" && this.token === token) this.forget();
    throw new Refused(problem.code ?? "unreachable", problem.detail ?? "The try-on can't be reached. Try again.");
  }
}

function make<K extends keyof HTMLElementTagNameMap>(
  tag: K,
  properties: Partial<HTMLElementTagNameMap[K]> = {},
  ...children: (Node | string)[]
): HTMLElementTagNameMap[K] {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

class Widget {
  private readonly visits: Visits;
  private readonly root: ShadowRoot;
  private readonly dialog = make("dialog");
  private readonly status = make("p", { className: "status" });
  private readonly problem = make("p", { className: "problem" });
  private readonly result = make("img", { className: "result", hidden: true, referrerPolicy: "no-referrer" });
  private readonly note = make("p", { className: "note", hidden: true });
  private readonly file = make("input", { type: "file", accept: TAKEN, id: "photo" });
  private readonly keep = make("input", { type: "checkbox", id: "keep" });
  private readonly keepText = make("span", {}, " Keep my photo for later visits");
  private readonly keepLine = make("label", { htmlFor: "keep" }, this.keep, this.keepText);
  private readonly promise = make("p", {}, PROMISE);
  private terms: Terms | null = null;
  private readonly again = make("button", { type: "button", className: "main", hidden: true }, "Try it on with my photo");
  private readonly remove = make("button", { type: "button", hidden: true }, "Delete my photo");
  private last: Promise<void> = Promise.resolve();
  /** Grows when the shopper ends the visit: what was asked for before is given up. */
  private round = 0;

  constructor(
    host: HTMLElement,
    private readonly options: Options,
  ) {
    this.visits = new Visits(options);
    this.root = host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(styles);
    this.root.adoptedStyleSheets = [sheet];
    this.draw();
  }

  private draw(): void {
    const open = make("button", { type: "button", className: "main" }, this.options.label);
    open.setAttribute("aria-haspopup", "dialog");
    open.addEventListener("click", () => void this.open());
    const close = make("button", { type: "button", className: "close" }, "Close");
    close.addEventListener("click", () => this.dialog.close());
    this.status.setAttribute("role", "status");
    this.problem.setAttribute("role", "alert");
    this.dialog.setAttribute("aria-labelledby", "title");
    this.dialog.append(
      make("div", { className: "head" }, make("h2", { id: "title" }, "Try it on"), close),
      this.promise,
      make("label", { htmlFor: "photo", className: "choose" }, "Choose a photo of yourself"),
      this.file,
      this.keepLine,
      this.status,
      this.problem,
      this.result,
      this.note,
      make("div", { className: "actions" }, this.again, this.remove),
    );
    this.file.addEventListener("change", () => void this.run((round) => this.upload(round)));
    this.again.addEventListener("click", () => void this.run((round) => this.tryOn(round)));
    this.remove.addEventListener("click", () => this.endNow());
    this.dialog.addEventListener("keydown", (event) => this.trap(event));
    this.dialog.addEventListener("close", () => open.focus());
    this.root.append(open, this.dialog);
  }

  /** Keep Tab inside the dialog: a modal dialog alone lets it out to the browser's own controls. */
  private trap(event: KeyboardEvent): void {
    if (event.key !== "Tab") return;
    const stops = [...this.dialog.querySelectorAll<HTMLElement>("button, input")].filter(
      (element) => element.checkVisibility() && !element.matches(":disabled"),
    );
    const [first, last] = [stops[0], stops[stops.length - 1]];
    const at = this.root.activeElement;
    const turn = event.shiftKey ? (at === first ? last : null) : at === last ? first : null;
    if (!turn) return;
    event.preventDefault();
    turn.focus();
  }

  private async open(): Promise<void> {
    this.dialog.showModal();
    await this.run(async () => this.tell((this.terms ??= await this.visits.terms())));
    if (this.visits.token) await this.run(async (round) => this.show(await this.still(round, this.visits.get())));
  }

  /** One thing at a time, in the order asked: a photo chosen while the terms load is not lost. A refusal is shown in the API's words. */
  private run(work: (round: number) => Promise<void>): Promise<void> {
    const round = this.round;
    this.last = this.last.then(() => this.runNow(work, round));
    return this.last;
  }

  /** Deleting does not wait for a try-on: the API stops it. */
  private endNow(): void {
    this.round += 1;
    this.last = this.runNow(() => this.end(), this.round);
  }

  private async runNow(work: (round: number) => Promise<void>, round: number): Promise<void> {
    if (round !== this.round) return;
    this.setBusy(true);
    this.problem.textContent = "";
    try {
      await work(round);
    } catch (error) {
      if (round !== this.round) return;
      this.say("");
      this.problem.textContent = error instanceof Error ? error.message : String(error);
      if (!this.visits.token) this.show(null);
    } finally {
      if (round === this.round) this.setBusy(false);
    }
  }

  /** An answer, unless the visit was ended while it was awaited. */
  private async still<T>(round: number, answer: Promise<T>): Promise<T> {
    const value = await answer;
    if (round !== this.round) throw new Refused("visit_ended", "The visit has ended.");
    return value;
  }

  private setBusy(busy: boolean): void {
    for (const control of [this.file, this.keep, this.again]) control.disabled = busy;
    this.dialog.setAttribute("aria-busy", String(busy));
  }

  private async upload(round: number): Promise<void> {
    const file = this.file.files?.[0];
    this.file.value = "";
    if (!file) return;
    this.say("Uploading your photo…");
    if (!this.visits.token) await this.visits.start(this.keep.checked);
    this.show(await this.still(round, this.visits.photo(file)));
    await this.tryOn(round);
  }

  private async tryOn(round: number): Promise<void> {
    this.result.hidden = this.note.hidden = true;
    this.say("Trying it on…");
    let visit = await this.still(round, this.visits.tryOn());
    while (visit.tryon && !ENDED.has(visit.tryon.status)) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      visit = await this.still(round, this.visits.get());
    }
    this.show(visit);
    if (!visit.tryon?.outputUrl) throw new Refused("failed", visit.tryon?.error?.message ?? "The try-on did not work. Try another photo.");
    this.say("Here you are.");
  }

  private async end(): Promise<void> {
    await this.visits.end();
    this.show(null);
    this.say("Your photo and everything made of it are deleted.");
  }

  /** Say how long a photo is kept, as the operator has set it. */
  private tell({ visitS, keepDays }: Terms): void {
    this.promise.textContent = `${PROMISE} Otherwise it is deleted after ${within(visitS)}.`;
    this.keepText.textContent = ` Keep my photo for later visits, for ${count(keepDays, "day")}`;
  }

  private show(visit: Visit | null): void {
    if (visit) {
      const until = new Date(visit.expiresAt).toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
      this.promise.textContent = `${PROMISE} Otherwise it is deleted on ${until}.`;
    } else if (this.terms) this.tell(this.terms);
    const tryon = visit?.tryon;
    this.again.hidden = !visit?.hasPhoto;
    this.remove.hidden = !visit;
    this.keepLine.hidden = visit !== null;
    this.result.hidden = !tryon?.outputUrl;
    this.note.hidden = this.result.hidden || !tryon?.preview;
    this.note.textContent = "A preview: fit and folds are drawn roughly.";
    this.result.alt = "You in the product";
    if (tryon?.outputUrl) this.result.src = tryon.outputUrl;
    else this.result.removeAttribute("src");
  }

  private say(text: string): void {
    this.status.textContent = text;
  }
}

function start(script: HTMLScriptElement): void {
  const { key, product, api, label } = script.dataset;
  if (!key || !product) {
    console.error("widget.js: the script tag needs data-key and data-product");
    return;
  }
  const host = make("span");
  script.after(host);
  new Widget(host, {
    api: (api ?? new URL(script.src).origin).replace(/\/$/, ""),
    key,
    product,
    label: label ?? "Try it on",
  });
}

if (document.currentScript instanceof HTMLScriptElement) start(document.currentScript);
