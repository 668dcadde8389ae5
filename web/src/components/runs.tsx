import { useEffect, type ReactNode } from "react";

import { State, When } from "./basics";

export const ENDED = new Set<string>(["completed", "failed", "cancelled"]);

/** Shows what runs, unless something is shown: it is followed after a reload, too. */
export function useRunning(
  runs: { id: string; status: string }[],
  shown: string | null,
  onShow: (id: string) => void,
): void {
  const running = runs.find((one) => !ENDED.has(one.status))?.id ?? null;
  useEffect(() => {
    if (!shown && running) onShow(running);
  }, [running]);
}

/** Earlier and running work of one kind, newest first; one of them is shown. */
export function Runs<T extends { id: string; status: string; createdAt: string }>({
  title,
  runs,
  shown,
  onShow,
  children,
}: {
  title: string;
  runs: T[];
  shown: string | null;
  onShow: (id: string) => void;
  /** What one is, in words. */
  children: (run: T) => ReactNode;
}) {
  if (runs.length === 0) return null;
  return (
    <>
      <h3>{title}</h3>
      <ul className="list lines">
        {runs.map((run) => (
          <li key={run.id} className="row">
            <State status={run.status} />
            {children(run)}
            <span className="small">
              <When at={run.createdAt} />
            </span>
            <button
              type="button"
              className="quiet right"
              aria-pressed={run.id === shown}
              onClick={() => onShow(run.id)}
            >
              Show<span className="sr"> that of {new Date(run.createdAt).toLocaleString()}</span>
            </button>
          </li>
        ))}
      </ul>
    </>
  );
}
