// Signs of life: the event stream while the tab is seen, else nothing; polling when the stream
// does not come. It tells what changed and how things stand; it keeps no counts. It comes after the
// first picture, with what puts changes into an answer.
import { useEffect, useRef } from "preact/hooks";
import { query } from "../../api.ts";
import type { Change } from "../../types.ts";
import type { Again } from "./changes.ts";

export type LiveState = "connecting" | "live" | "polling" | "paused";

const POLL_MS = 10_000;
/** A stream that fails this often in a row is given up for polling. */
const FAILURES_MAX = 3;
const AGAIN_MS = 2_000;

const CLOCK_MS = 5_000;
/** So much lies between two questions, also when there is a reason to ask again. */
const WAIT_MS = { soon: 5_000, rarely: 60_000 };

export interface LiveProps {
  space: string;
  isv: string;
  paused: boolean;
  /** Whether the answer is not whole, and when its question was asked. */
  again: Again;
  beganMs: { current: number };
  onState: (state: LiveState) => void;
  onChanges: (changes: Change[]) => void;
  /** It is time to ask again. */
  onPoll: () => void;
  /** The time went on a little. */
  onTick: () => void;
}

/** Reasons to ask again that no stream tells: an answer that is not whole, and the time. */
function useReasons(props: LiveProps, handlers: { current: LiveProps }): void {
  const { paused, again } = props;
  useEffect(() => {
    if (paused || again === "never") return undefined;
    const timer = setTimeout(() => handlers.current.onPoll(), Math.max(0, props.beganMs.current + WAIT_MS[again] - Date.now()));
    return () => clearTimeout(timer);
  }, [paused, again]);
  // A half hour begins also where nothing is told of it.
  useEffect(() => {
    const timer = setInterval(() => !paused && !document.hidden && handlers.current.onTick(), CLOCK_MS);
    return () => clearInterval(timer);
  }, [paused]);
}

/** Shows nothing: whoever renders it hears of what happens. */
export function Live(props: LiveProps): null {
  const { space, isv, paused } = props;
  const handlers = useRef(props);
  handlers.current = props;
  useEffect(() => {
    const setState = (state: LiveState): void => handlers.current.onState(state);
    if (paused) {
      setState("paused");
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
  useReasons(props, handlers);
  return null;
}

export { Waiting, patched } from "./changes.ts";
export { movedOn } from "./moved.ts";
