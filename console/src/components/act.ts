// Doing something by a button: busy, failed, done. It does not load and does not render.
import { useState } from "preact/hooks";
import type { Failure, Result } from "../api.ts";

export interface Acting {
  busy: boolean;
  error: Failure | null;
  /** Runs once at a time; `done` gets the answer. */
  run: <T>(work: () => Promise<Result<T>>, done?: (data: T) => void) => Promise<void>;
  clear: () => void;
}

export function useAct(): Acting {
  const [busy, setBusy] = useState(false);
  const [error, setError] = useState<Failure | null>(null);
  return {
    busy,
    error,
    clear: () => setError(null),
    run: async (work, done) => {
      if (busy) return;
      setBusy(true);
      setError(null);
      const result = await work();
      setBusy(false);
      if (result.ok) done?.(result.data);
      else setError(result.error);
    },
  };
}
