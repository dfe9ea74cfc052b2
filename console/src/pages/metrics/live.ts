// Signs of life: the event stream while the tab is seen, else nothing; polling when the stream
// does not come. It tells what changed and how things stand; it keeps no counts.
import { useEffect, useRef, useState } from "preact/hooks";
import { query } from "../../api.ts";
import { now } from "../../clock.ts";
import type { Change } from "../../types.ts";

export type LiveState = "connecting" | "live" | "polling" | "paused";

const POLL_MS = 10_000;
/** A stream that fails this often in a row is given up for polling. */
const FAILURES_MAX = 3;
const AGAIN_MS = 2_000;

export interface Live {
  state: LiveState;
}

export function useLive(space: string | null, isv: string, paused: boolean, onChanges: (changes: Change[]) => void, onPoll: () => void): Live {
  const [state, setState] = useState<LiveState>("connecting");
  const handlers = useRef({ onChanges, onPoll });
  handlers.current = { onChanges, onPoll };
  useEffect(() => {
    if (paused || space === null) {
      setState(paused ? "paused" : "connecting");
      return undefined;
    }
    let source: EventSource | null = null;
    let timer: ReturnType<typeof setTimeout> | undefined;
    let failures = 0;
    const poll = (): void => {
      setState("polling");
      timer = setTimeout(() => {
        handlers.current.onPoll();
        poll();
      }, POLL_MS);
    };
    const open = (): void => {
      setState("connecting");
      source = new EventSource(`/console/api/live${query({ space, isv })}`);
      source.onopen = () => {
        failures = 0;
        setState("live");
      };
      source.addEventListener("buckets", (event) => {
        try {
          handlers.current.onChanges((JSON.parse((event as MessageEvent<string>).data) as { changes: Change[] }).changes);
        } catch {
          handlers.current.onPoll();
        }
      });
      source.onerror = () => {
        source?.close();
        failures += 1;
        if (failures >= FAILURES_MAX) poll();
        else {
          setState("connecting");
          timer = setTimeout(open, AGAIN_MS * failures);
        }
      };
    };
    const stop = (): void => {
      source?.close();
      source = null;
      clearTimeout(timer);
    };
    const seen = (): void => {
      stop();
      if (document.hidden) return;
      handlers.current.onPoll();
      open();
    };
    if (!document.hidden) open();
    document.addEventListener("visibilitychange", seen);
    return () => {
      document.removeEventListener("visibilitychange", seen);
      stop();
    };
  }, [space, isv, paused]);
  return { state };
}

/** Renders again every few seconds, for what says how long ago. */
export function useTick(ms = 5_000): number {
  const [at, setAt] = useState(now());
  useEffect(() => {
    const timer = setInterval(() => setAt(now()), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return at;
}
