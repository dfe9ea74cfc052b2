// Loading as a hook: keeps what was there while it refreshes, forgets answers that came too late,
// shows nothing for 150 ms. It does not poll and does not render.
import { useCallback, useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Failure, Result } from "../api.ts";
import { useEpoch } from "../session.ts";

/** Before this an answer may come without anything having flickered. */
const PATIENCE_MS = 150;

export interface Loading<T> {
  data: T | null;
  error: Failure | null;
  busy: boolean;
  /** Busy for so long that it should be seen. */
  slow: boolean;
  reload: () => void;
  set: (change: (data: T) => T) => void;
}

/** Loads when `key` changes; a `null` key loads nothing. Data of another `key` is not shown. */
export function useLoad<T>(key: string | null, load: (signal: AbortSignal) => Promise<Result<T>>, keep = false): Loading<T> {
  const [state, setState] = useState<{ key: string | null; data: T | null; error: Failure | null }>({ key: null, data: null, error: null });
  const [busy, setBusy] = useState(key !== null);
  const [slow, setSlow] = useState(false);
  const [turn, setTurn] = useState(0);
  const epoch = useEpoch();
  const latest = useRef(load);
  latest.current = load;
  // Before the paint: a frame between the parts of the first picture costs more than the parts.
  useLayoutEffect(() => {
    if (key === null) {
      setBusy(false);
      return undefined;
    }
    const abort = new AbortController();
    setBusy(true);
    const timer = setTimeout(() => setSlow(true), PATIENCE_MS);
    void latest.current(abort.signal).then((result) => {
      if (abort.signal.aborted) return;
      clearTimeout(timer);
      setSlow(false);
      setBusy(false);
      setState((before) => {
        if (result.ok) return { key, data: result.data, error: null };
        return { key, data: before.key === key || keep ? before.data : null, error: result.error };
      });
    });
    return () => {
      abort.abort();
      clearTimeout(timer);
      setSlow(false);
    };
  }, [key, turn, epoch]);
  const current = state.key === key || keep;
  return {
    data: current ? state.data : null,
    error: state.key === key ? state.error : null,
    busy,
    slow,
    reload: useCallback(() => setTurn((value) => value + 1), []),
    set: useCallback((change: (data: T) => T) => setState((before) => (before.data === null ? before : { ...before, data: change(before.data) })), []),
  };
}
