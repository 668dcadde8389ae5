import { Children, cloneElement, isValidElement, useId, useState, type DragEvent, type ReactElement, type ReactNode } from "react";

import { Problem } from "../api/client";
import type { Loaded, Pages } from "../hooks";

export function Badge({ children, tone = "plain" }: { children: ReactNode; tone?: "plain" | "good" | "warn" | "bad" }) {
  return <span className={`badge ${tone}`}>{children}</span>;
}

/** What a person does about a refusal, where the API's words are for programs or name no way: by the problem's code. */
const REMEDIES: Record<string, { href?: string; way?: string; says?: string }> = {
  email_unconfirmed: {
    href: "#/account",
    way: "Send the link again",
    says: "Confirm your e-mail address first: open the link in the message we sent.",
  },
  sign_in_again: {
    href: "#/sign-in",
    way: "Sign in again",
    says: "Sign in again first: what you do here outlives your session, or can't be undone, and your sign-in is over an hour ago.",
  },
  wrong_password: {
    href: "#/account/forgot",
    way: "Reset your password",
    says: "This is not your current password. Type the one that you sign in with.",
  },
  login_throttled: {
    href: "#/account/forgot",
    way: "Reset your password",
    says: "Too many wrong passwords. Wait some minutes and try again.",
  },
  email_unconfigured: { says: "Nothing was sent: this studio has no e-mail service. Ask who runs it." },
  quota_exceeded: { href: "#/credits", way: "Buy credits" },
};

/** What went wrong. `again` asks for the same once more, where that may help. */
export function ErrorNote({ error, again }: { error: Error | null; again?: (() => void) | undefined }) {
  if (!error) return null;
  const problem = error instanceof Problem ? error : null;
  const remedy = problem ? REMEDIES[problem.code] : undefined;
  return (
    <div className="note bad" role="alert">
      <p>
        <Said text={remedy?.says ?? error.message} />
      </p>
      {remedy?.href && (
        <p>
          <a href={remedy.href}>{remedy.way}</a>
        </p>
      )}
      {problem?.approvalUrl && (
        <p>
          <a href={problem.approvalUrl}>Choose how to pay at PayPal</a>
        </p>
      )}
      {problem?.reportUrl && (
        <p>
          <a href={problem.reportUrl}>Everything that is wrong, as a table</a>
        </p>
      )}
      {problem?.requestId && <p className="small">Request {problem.requestId}</p>}
      {again && problem?.retryable && (
        <button type="button" className="quiet" onClick={again}>
          Try again
        </button>
      )}
    </div>
  );
}

/** A sentence of the API: it begins with a capital letter here, and what is between backticks is code. */
export function Said({ text }: { text: string }) {
  const sentence = text.charAt(0).toUpperCase() + text.slice(1);
  return sentence.split("`").map((part, index) => (index % 2 === 1 ? <code key={index}>{part}</code> : part));
}

/** Stands before what a load shows: that it is awaited, or what went wrong and the way to ask again. */
export function Awaited({ load, what }: { load: Loaded<unknown>; what: string }) {
  return (
    <>
      <ErrorNote error={load.error} again={load.reload} />
      {load.awaited && (
        <p className="loading" role="status">
          Loading {what}…
        </p>
      )}
    </>
  );
}

/** Asks for what is shown once more, and says so until it is answered. */
export function ReadAgain({ load, children = "Read again" }: { load: Pick<Loaded<unknown>, "reload">; children?: ReactNode }) {
  const [reading, setReading] = useState(0);
  return (
    <button
      type="button"
      className="quiet"
      aria-busy={reading > 0}
      onClick={() => {
        setReading((count) => count + 1);
        void load.reload().finally(() => setReading((count) => count - 1));
      }}
    >
      {reading > 0 ? "Reading…" : children}
    </button>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <p className="empty">{children}</p>;
}

/**
 * A table of rows (`tr`). On a phone each row is a block that names its columns; where it is wider than the page, it scrolls.
 * The roles are named, because a table that is drawn as blocks has none of its own.
 */
export function Table({ label, columns, children }: { label: string; columns: string[]; children: ReactNode }) {
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={label}>
      <table role="table">
        <thead role="rowgroup">
          <tr role="row">
            {columns.map((column) => (
              <th key={column} role="columnheader" scope="col">
                {column}
              </th>
            ))}
          </tr>
        </thead>
        <tbody role="rowgroup">{Children.map(children, (row) => withLabels(row, columns))}</tbody>
      </table>
    </div>
  );
}

/** The ways to the pages before and after; `next` is the continuation that the page shown came with. */
export function Pager({
  pages,
  next,
  labels = ["Newer", "Older"],
}: {
  pages: Pages;
  next: string | null | undefined;
  labels?: [back: string, forward: string];
}) {
  return (
    <div className="row after">
      {pages.continuation !== undefined && (
        <button type="button" className="quiet" onClick={pages.back}>
          {labels[0]}
        </button>
      )}
      {next && (
        <button type="button" className="quiet" onClick={() => pages.forward(next)}>
          {labels[1]}
        </button>
      )}
    </div>
  );
}

/** Several of some names, as boxes to check. */
export function Choices<T extends string>({
  legend,
  offered,
  chosen,
  onChange,
  children,
}: {
  legend: string;
  offered: T[];
  chosen: T[];
  onChange: (chosen: T[]) => void;
  children: (name: T) => ReactNode;
}) {
  return (
    <fieldset>
      <legend>{legend}</legend>
      {offered.map((name) => (
        <label key={name} className="check">
          <input
            type="checkbox"
            checked={chosen.includes(name)}
            onChange={(event) => onChange(event.target.checked ? [...chosen, name] : chosen.filter((one) => one !== name))}
          />
          {children(name)}
        </label>
      ))}
    </fieldset>
  );
}

type Row = ReactElement<{ children?: ReactNode; role?: string }>;

/** A row whose cells know the names of their columns. */
function withLabels(row: ReactNode, columns: string[]): ReactNode {
  if (!isValidElement(row)) return row;
  const { children } = (row as Row).props;
  const cells = Children.map(children, (cell, index) =>
    isValidElement(cell) ? cloneElement(cell as ReactElement<object>, { role: "cell", "data-label": columns[index] } as object) : cell,
  );
  return cloneElement(row as Row, { role: "row" }, cells);
}

export function EmailField({
  label = "E-mail",
  autoComplete = "username",
  value,
  onChange,
}: {
  label?: string;
  autoComplete?: "username" | "email";
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <label>
      {label}
      <input
        type="email"
        autoComplete={autoComplete}
        required
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}

export function PasswordField({
  label = "Password",
  value,
  onChange,
}: {
  label?: string;
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <label>
      {label}
      <input
        type="password"
        autoComplete="current-password"
        required
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}

const CODES = {
  sms: { inputMode: "numeric", pattern: "\\s*[0-9]{6}\\s*", title: "The six digits of the SMS" },
  app: { inputMode: "numeric", pattern: "\\s*[0-9]{3} ?[0-9]{3}\\s*", title: "The six digits that the app shows" },
  appOrRecovery: {
    inputMode: "text",
    pattern: "\\s*([0-9]{6}|[a-z2-7]{4}(-[a-z2-7]{4}){5})\\s*",
    title: "Six digits, or a recovery code with its hyphens",
  },
} as const;

/** A code that is used once: of an SMS, of an authenticator app, or one that recovers it. */
export function CodeField({
  label,
  kind,
  required = true,
  value,
  onChange,
}: {
  label: string;
  kind: keyof typeof CODES;
  required?: boolean;
  value: string;
  onChange: (value: string) => void;
}) {
  return (
    <label>
      {label}
      <input
        required={required}
        autoComplete="one-time-code"
        {...CODES[kind]}
        value={value}
        onChange={(event) => onChange(event.target.value)}
      />
    </label>
  );
}

const FORMATS = "image/jpeg,image/png,image/webp,image/avif,image/heic,image/heif";

/** Takes files by drop, by the file dialog and by keyboard. */
export function Dropzone({
  label,
  hint,
  multiple = false,
  accept = FORMATS,
  preview,
  onFiles,
}: {
  label: string;
  hint: string;
  multiple?: boolean;
  accept?: string;
  preview?: string | null;
  onFiles: (files: File[]) => void;
}) {
  const id = useId();
  const [over, setOver] = useState(false);
  const take = (list: FileList | null) => {
    const files = [...(list ?? [])];
    if (files.length > 0) onFiles(multiple ? files : files.slice(0, 1));
  };
  const drop = (event: DragEvent) => {
    event.preventDefault();
    setOver(false);
    take(event.dataTransfer.files);
  };
  return (
    <label
      className={`dropzone${over ? " over" : ""}`}
      htmlFor={id}
      onDragOver={(event) => {
        event.preventDefault();
        setOver(true);
      }}
      onDragLeave={() => setOver(false)}
      onDrop={drop}
    >
      {preview ? <img src={preview} alt={`${label}: chosen picture`} /> : null}
      <strong>{label}</strong>
      <span className="small">{hint}</span>
      <input
        id={id}
        type="file"
        accept={accept}
        multiple={multiple}
        onChange={(event) => {
          take(event.target.files);
          event.target.value = "";
        }}
      />
    </label>
  );
}

export function CopyButton({ text, label = "Copy" }: { text: string; label?: string }) {
  const [done, setDone] = useState(false);
  return (
    <button
      type="button"
      className="quiet"
      onClick={() => {
        void navigator.clipboard.writeText(text).then(() => {
          setDone(true);
          setTimeout(() => setDone(false), 1500);
        });
      }}
    >
      {done ? "Copied" : label}
    </button>
  );
}

export function Money({ price }: { price: { amount: string; currency: string } | null | undefined }) {
  if (!price) return <span className="small">no price</span>;
  const text = new Intl.NumberFormat(undefined, { style: "currency", currency: price.currency }).format(
    Number(price.amount),
  );
  return <span className="price">{text}</span>;
}

export function When({ at }: { at: string }) {
  return <time dateTime={at}>{new Date(at).toLocaleString()}</time>;
}

const STATES: Record<string, "good" | "warn" | "bad" | "plain"> = {
  completed: "good",
  active: "good",
  captured: "good",
  ok: "good",
  published: "good",
  failed: "bad",
  dead: "bad",
  rejected: "bad",
  retrying: "warn",
  cancelled: "plain",
};

export function State({ status, says }: { status: string; says?: string | undefined }) {
  return <Badge tone={STATES[status] ?? "plain"}>{says ?? status.replaceAll("_", " ")}</Badge>;
}
