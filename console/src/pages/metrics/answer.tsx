// The answer to what the Metrics page asks, kept alive: what is told live is put into it, and it is
// asked for again when that is not enough or when its range moves on. It draws nothing.
import type { JSX } from "preact";
import { useMemo, useRef, useState } from "preact/hooks";
import { get } from "../../api.ts";
import type { Failure, Result } from "../../api.ts";
import { now } from "../../clock.ts";
import { useLoad } from "../../components/load.ts";
import { useModule } from "../../lazy.tsx";
import type { Change, Metrics } from "../../types.ts";
import { countsPath } from "./ask.ts";
import type { Again, Waiting } from "./changes.ts";
import type { LiveState } from "./live.ts";
import { before, isMoving, resolve, slotOf } from "./state.ts";
import type { MetricsState, Span } from "./state.ts";

/** Counts with the question that they answer. */
interface Answer {
  of: string;
  metrics: Metrics;
}

export interface Answered {
  span: Span;
  /** Whether there is a question: a space, and a range that ends after it begins. */
  asks: boolean;
  data: Metrics | null;
  compared: Metrics | null;
  error: Failure | null;
  comparedError: Failure | null;
  busy: boolean;
  slow: boolean;
  live: LiveState;
  /** To be rendered: it shows nothing. */
  listener: JSX.Element | null;
  heardMs: number | null;
  reload: () => void;
  reloadCompared: () => void;
}

const answer = (of: string, result: Result<Metrics>): Result<Answer> => (result.ok ? { ok: true, data: { of, metrics: result.data } } : result);

/** What is asked, and when: the range moves with the clock only when it is asked for again. */
function useQuestion(state: MetricsState, space: string, zone: string): { question: string; turn: number; ask: () => void; askedMs: number; span: Span } {
  const [turn, setTurn] = useState(0);
  const question = [space, state.isv, state.numbers.join(), state.granularity, state.range, state.fromMs, state.toMs].join("|");
  const { askedMs, span } = useMemo(() => {
    const nowMs = now();
    return { askedMs: nowMs, span: resolve(state, nowMs, zone) };
  }, [question, zone, turn]);
  return { question, turn, ask: () => setTurn((value) => value + 1), askedMs, span };
}

/**
 * What of an answer may be shown. The picture of other filters may stay until the new one is there,
 * also while somebody signs in again; but not that of another space, and not when the new one
 * cannot be had.
 */
function shownOf(known: Answer | null, state: MetricsState, space: string, question: string, failed: boolean): Answer | null {
  if (known === null || known.metrics.space !== space) return null;
  return known.of === question || (known.metrics.granularity === state.granularity && !failed) ? known : null;
}

export function useAnswer(state: MetricsState, space: string, zone: string, paused: boolean): Answered {
  const [live, setLive] = useState<LiveState>("connecting");
  const [heardMs, setHeardMs] = useState<number | null>(null);
  const { question, turn, ask, askedMs, span } = useQuestion(state, space, zone);
  const [again, setAgain] = useState<Again>("never");
  const needs = (when: Again): void => setAgain((old) => (old === "soon" || when === "never" ? old : when));
  const beganMs = useRef(0);
  const asks = space !== "" && span.endMs > span.startMs;
  const moving = isMoving(state.range);
  const waiting = useRef<{ told: Waiting | null } | null>(null);
  // After a failure the picture of another question does not come back.
  const failed = useRef(false);

  const counts = useLoad<Answer>(
    asks ? `${question}|${turn}` : null,
    async (signal) => {
      beganMs.current = Date.now();
      setAgain("never");
      // What was told before is in the answer.
      const mine: { told: Waiting | null } = (waiting.current = { told: null });
      const result = answer(question, await get<Metrics>(countsPath(state, span, space), signal));
      if (signal.aborted) return result;
      waiting.current = null;
      failed.current = !result.ok && result.error.kind !== "expired";
      if (!result.ok) return result;
      setHeardMs(now());
      const next = mine.told?.into(result.data.metrics, moving);
      if (!next) return result;
      needs(next.again);
      return { ok: true, data: { of: question, metrics: next.metrics } };
    },
    true,
  );
  // The period before does not change much: it is read again when its range moves on.
  const compared = useLoad<Answer>(state.compare && asks ? `${question}|${slotOf(askedMs)}` : null, async (signal) => answer(question, await get(countsPath(state, before(span, state.granularity, zone), space), signal)), true);

  const shown = asks ? shownOf(counts.data, state, space, question, failed.current) : null;
  // What the first picture does not need is asked for after it.
  const module = useModule(() => import("./live.ts"), undefined, shown !== null || counts.error !== null);

  const changed = (changes: Change[]): void => {
    setHeardMs(now());
    const mine = state.numbers.length === 0 ? changes : changes.filter((change) => state.numbers.includes(change.number));
    if (waiting.current) (waiting.current.told ??= new module!.Waiting()).add(mine);
    counts.set((old) => {
      if (old.of !== question) return old;
      const next = module!.patched(old.metrics, mine, moving);
      // An answer that is on its way may hold what is missing.
      if (!waiting.current) needs(next.again);
      return { of: question, metrics: next.metrics };
    });
  };
  const ticked = (): void => (asks && module!.movedOn(state, askedMs, now(), zone) ? needs("soon") : undefined);

  const matches = state.compare && !compared.error && shown && compared.data?.of === shown.of;
  return {
    span,
    asks,
    data: shown && shown.metrics,
    compared: matches ? compared.data!.metrics : null,
    error: counts.error,
    comparedError: compared.error,
    busy: counts.busy,
    slow: counts.slow,
    live,
    listener: module && space !== "" ? <module.Live space={space} isv={state.isv} paused={paused} again={again} beganMs={beganMs} onState={setLive} onChanges={changed} onPoll={ask} onTick={ticked} /> : null,
    heardMs,
    reload: counts.reload,
    reloadCompared: compared.reload,
  };
}
