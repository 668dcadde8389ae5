import { useCallback, useEffect, useRef, useState } from "react";

export interface Loaded<T> {
  data: T | null;
  error: Error | null;
  loading: boolean;
  reload: () => void;
}

/**
 * Load data when `key` changes, and again on `reload`, or once the browser is online again after an error. A late answer of
 * an earlier key is dropped; a reload asked for while an answer is awaited follows it, so that frequent ones cannot keep
 * every answer from being shown. Data of the same key stays when a reload fails: what is being written beside it stays, too.
 */
export function useLoad<T>(load: () => Promise<T>, key: string): Loaded<T> {
  const [state, setState] = useState<{ data: T | null; error: Error | null; loading: boolean }>({
    data: null,
    error: null,
    loading: true,
  });
  const latest = useRef(load);
  latest.current = load;
  const again = useRef<() => void>(() => undefined);
  useEffect(() => {
    let current = true;
    let awaited = false;
    let wanted = false;
    let loaded = false;
    let failed = false;
    const ask = async () => {
      if (awaited) {
        wanted = true;
        return;
      }
      awaited = true;
      setState((before) => ({ ...before, loading: true }));
      do {
        wanted = false;
        try {
          const data = await latest.current();
          loaded = true;
          failed = false;
          if (current) setState({ data, error: null, loading: wanted });
        } catch (error) {
          failed = true;
          if (current) setState(({ data }) => ({ data: loaded ? data : null, error: error as Error, loading: wanted }));
        }
      } while (current && wanted);
      awaited = false;
    };
    again.current = () => void ask();
    const back = () => {
      if (failed) void ask();
    };
    window.addEventListener("online", back);
    void ask();
    return () => {
      current = false;
      window.removeEventListener("online", back);
    };
  }, [key]);
  const reload = useCallback(() => again.current(), []);
  return { ...state, reload };
}

/** The address behind `#/`: the view, its part (`operate/jobs`), and the parameters behind `?`. */
export function useRoute(): { view: string; part: string; params: URLSearchParams } {
  const read = () => window.location.hash.replace(/^#\/?/, "");
  const [hash, setHash] = useState(read);
  useEffect(() => {
    const changed = () => setHash(read());
    window.addEventListener("hashchange", changed);
    return () => window.removeEventListener("hashchange", changed);
  }, []);
  const [path = "", query = ""] = hash.split("?");
  const [view = "", part = ""] = path.split("/");
  return { view, part, params: new URLSearchParams(query) };
}

/**
 * Actions of a view, one after another in the order asked: `run`, whether one runs or waits, and what went wrong since the
 * last one was asked for. Nothing that was asked for is lost, and what was asked for last is carried out last.
 */
export function useAction(): {
  busy: boolean;
  error: Error | null;
  clear: () => void;
  run: (action: () => Promise<void>) => void;
} {
  const [open, setOpen] = useState(0);
  const [error, setError] = useState<Error | null>(null);
  const last = useRef<Promise<void>>(Promise.resolve());
  const run = (action: () => Promise<void>) => {
    setOpen((count) => count + 1);
    setError(null);
    last.current = last.current
      .then(action)
      .catch((failure: unknown) => setError(failure as Error))
      .finally(() => setOpen((count) => count - 1));
  };
  return { busy: open > 0, error, clear: () => setError(null), run };
}

/** Where a list that comes page by page is: `query` asks for the page that is shown; `continuation` names it, undefined for the first one. */
export interface Pages {
  continuation: string | undefined;
  query: { continuation?: string };
  restart: () => void;
  back: () => void;
  forward: (continuation: string) => void;
}

export function usePages(): Pages {
  const [passed, setPassed] = useState<string[]>([]);
  const continuation = passed.at(-1);
  return {
    continuation,
    query: continuation ? { continuation } : {},
    restart: () => setPassed([]),
    back: () => setPassed(passed.slice(0, -1)),
    forward: (continuation) => setPassed([...passed, continuation]),
  };
}

/** Whether an answer is still wanted: `mark` when asking, and call what it returns: false once something else was asked for. */
export function useLatest(): () => () => boolean {
  const count = useRef(0);
  return useCallback(() => {
    count.current += 1;
    const mine = count.current;
    return () => mine === count.current;
  }, []);
}

/** While `unsaved`, the browser asks before it leaves the page. */
export function useUnsaved(unsaved: boolean): void {
  useEffect(() => {
    if (!unsaved) return;
    const ask = (event: BeforeUnloadEvent) => event.preventDefault();
    window.addEventListener("beforeunload", ask);
    return () => window.removeEventListener("beforeunload", ask);
  }, [unsaved]);
}
