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
type Problem = components["schemas"]["Problem"];

const POLL_MS = 1500;
const ENDED = new Set<string>(["completed", "failed", "cancelled"]);
const TAKEN = "image/jpeg,image/png,image/webp,image/avif,image/heic";

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
    try {
      answer = await fetch(`${this.options.api}/api/widget/${path}`, { method, headers, body: body ?? null });
    } catch {
      throw new Refused("unreachable", "The try-on can't be reached. Check your connection, and try again.");
    }
    if (answer.ok) return (answer.status === 204 ? undefined : await answer.json()) as T;
    const problem = (await answer.json().catch(() => ({}))) as Partial<Problem>;
    if (problem.code === "visit_ended") this.forget();
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
  private readonly keepLine = make("label", { htmlFor: "keep" }, this.keep, " Keep my photo for later visits, for 30 days");
  private readonly again = make("button", { type: "button", className: "main", hidden: true }, "Try it on with my photo");
  private readonly remove = make("button", { type: "button", hidden: true }, "Delete my photo");
  private busy = false;

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
      make("p", {}, "Your photo is used for your try-ons alone. It is deleted with everything " +
        "made of it when you delete it here, and after an hour at the latest, unless you keep it."),
      make("label", { htmlFor: "photo", className: "choose" }, "Choose a photo of yourself"),
      this.file,
      this.keepLine,
      this.status,
      this.problem,
      this.result,
      this.note,
      make("div", { className: "actions" }, this.again, this.remove),
    );
    this.file.addEventListener("change", () => void this.run(() => this.upload()));
    this.again.addEventListener("click", () => void this.run(() => this.tryOn()));
    this.remove.addEventListener("click", () => void this.run(() => this.end()));
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
    if (this.visits.token) await this.run(async () => this.show(await this.visits.get()));
  }

  /** One thing at a time; a refusal is shown in the API's words. */
  private async run(work: () => Promise<void>): Promise<void> {
    if (this.busy) return;
    this.setBusy(true);
    this.problem.textContent = "";
    try {
      await work();
    } catch (error) {
      this.say("");
      this.problem.textContent = error instanceof Error ? error.message : String(error);
      if (!this.visits.token) this.show(null);
    } finally {
      this.setBusy(false);
    }
  }

  private setBusy(busy: boolean): void {
    this.busy = busy;
    for (const control of [this.file, this.keep, this.again, this.remove]) control.disabled = busy;
    this.dialog.setAttribute("aria-busy", String(busy));
  }

  private async upload(): Promise<void> {
    const file = this.file.files?.[0];
    this.file.value = "";
    if (!file) return;
    this.say("Uploading your photo…");
    if (!this.visits.token) await this.visits.start(this.keep.checked);
    this.show(await this.visits.photo(file));
    await this.tryOn();
  }

  private async tryOn(): Promise<void> {
    this.result.hidden = this.note.hidden = true;
    this.say("Trying it on…");
    let visit = await this.visits.tryOn();
    while (visit.tryon && !ENDED.has(visit.tryon.status)) {
      await new Promise((resolve) => setTimeout(resolve, POLL_MS));
      visit = await this.visits.get();
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

  private show(visit: Visit | null): void {
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
