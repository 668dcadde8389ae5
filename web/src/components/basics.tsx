import { useId, useState, type DragEvent, type ReactNode } from "react";

import { Problem } from "../api/client";

export function Badge({ children, tone = "plain" }: { children: ReactNode; tone?: "plain" | "good" | "warn" | "bad" }) {
  return <span className={`badge ${tone}`}>{children}</span>;
}

export function ErrorNote({ error }: { error: Error | null }) {
  if (!error) return null;
  const problem = error instanceof Problem ? error : null;
  return (
    <div className="note bad" role="alert">
      <p>{error.message}</p>
      {problem?.approvalUrl && (
        <p>
          <a href={problem.approvalUrl}>Approve the payment</a>
        </p>
      )}
      {problem?.requestId && <p className="small">Request {problem.requestId}</p>}
    </div>
  );
}

export function Loading({ what }: { what: string }) {
  return (
    <p className="loading" role="status">
      Loading {what}…
    </p>
  );
}

export function Empty({ children }: { children: ReactNode }) {
  return <p className="empty">{children}</p>;
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
  ok: "good",
  published: "good",
  failed: "bad",
  dead: "bad",
  rejected: "bad",
  retrying: "warn",
  cancelled: "plain",
};

export function State({ status }: { status: string }) {
  return <Badge tone={STATES[status] ?? "plain"}>{status.replaceAll("_", " ")}</Badge>;
}
