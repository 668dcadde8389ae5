import { useCallback, useEffect, useRef, useState, useSyncExternalStore } from "react";

export interface Loaded<T> {
  data: T | null;
  error: Error | null;
  /** Whether there is nothing to show yet of what was asked for: `data` is null, or of the key before. */
  awaited: boolean;
  /** Ask again; resolves once it is answered. */
  reload: () => Promise<void>;
}

/**
 * Load data when `key` changes, and again on `reload`, or once the browser is online again after an error. A late answer of
 * an earlier key is dropped; a reload asked for while an answer is awaited follows it, so that frequent ones cannot keep
 * every answer from being shown. Data of the same key stays when a reload fails: what is being written beside it stays, too.
 */
export function useLoad<T>(load: () => Promise<T>, key: string): Loaded<T> {
  const [state, setState] = useState<{ data: T | null; error: Error | null; awaited: boolean }>({
    data: null,
    error: null,
    awaited: true,
  });
  const latest = useRef(load);
  latest.current = load;
  const again = useRef<() => Promise<void>>(() => Promise.resolve());
  useEffect(() => {
    let current = true;
    let wanted = false;
    let loaded = false;
    let failed = false;
    let running: Promise<void> | null = null;
    const ask = (): Promise<void> => {
      wanted = true;
      if (!loaded) setState((before) => ({ ...before, awaited: true }));
      running ??= answer().finally(() => {
        running = null;
      });
      return running;
    };
    const answer = async () => {
      while (current && wanted) {
        wanted = false;
        try {
          const data = await latest.current();
          loaded = true;
          failed = false;
          if (current) setState({ data, error: null, awaited: false });
        } catch (error) {
          failed = true;
          if (current) setState(({ data }) => ({ data: loaded ? data : null, error: error as Error, awaited: false }));
        }
      }
    };
    setState((before) => ({ ...before, error: null }));
    again.current = ask;
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

/** Calls `call` every `ms` milliseconds while `awaited`: what is asked about may change without a message. */
export function useEvery(ms: number, call: () => void, awaited: boolean): void {
  const latest = useRef(call);
  latest.current = call;
  useEffect(() => {
    if (!awaited) return;
    const timer = setInterval(() => latest.current(), ms);
    return () => clearInterval(timer);
  }, [ms, awaited]);
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
 * The id that a parameter of the address names, and how to name another: what is shown is there again after a reload and on
 * the way back. Other parameters stay.
 */
export function useNamed(name: string): [id: string | null, show: (id: string | null) => void] {
  const { params } = useRoute();
  const linked = params.get(name);
  const [id, setId] = useState(linked);
  const left = useRef(false);
  useEffect(() => {
    left.current = false;
    return () => {
      left.current = true;
    };
  }, []);
  useEffect(() => {
    if (linked) setId(linked);
  }, [linked]);
  const show = useCallback(
    (chosen: string | null) => {
      // An answer that comes after its view was left must not change the address of another one.
      if (left.current) return;
      setId(chosen);
      const [path, query] = window.location.hash.split("?");
      const named = new URLSearchParams(query);
      if (chosen) named.set(name, chosen);
      else named.delete(name);
      window.history.replaceState(null, "", named.size > 0 ? `${path}?${named}` : path);
    },
    [name],
  );
  return [id, show];
}

/**
 * Actions of a view, one after another in the order asked: `run`, whether one runs or waits, and what went wrong since the
 * last one was asked for. Nothing that was asked for is lost, and what was asked for last is carried out last. `again`
 * carries out what failed once more, with the file that was chosen: for actions that may be repeated.
 */
export function useAction(): {
  busy: boolean;
  error: Error | null;
  clear: () => void;
  run: (action: () => Promise<void>) => void;
  again: () => void;
} {
  const [open, setOpen] = useState(0);
  const [error, setError] = useState<Error | null>(null);
  const last = useRef<Promise<void>>(Promise.resolve());
  const failed = useRef<(() => Promise<void>) | null>(null);
  const run = (action: () => Promise<void>) => {
    setOpen((count) => count + 1);
    setError(null);
    last.current = last.current
      .then(action)
      .catch((failure: unknown) => {
        failed.current = action;
        setError(failure as Error);
      })
      .finally(() => setOpen((count) => count - 1));
  };
  const again = () => {
    if (failed.current) run(failed.current);
  };
  return { busy: open > 0, error, clear: () => setError(null), run, again };
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

/** Whether the browser has a network; true does not promise that it leads anywhere. */
export function useOnline(): boolean {
  return useSyncExternalStore(
    (changed) => {
      window.addEventListener("online", changed);
      window.addEventListener("offline", changed);
      return () => {
        window.removeEventListener("online", changed);
        window.removeEventListener("offline", changed);
      };
    },
    () => navigator.onLine,
  );
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
