// The Metrics page: what its address says, the answer to it, and its parts.
import type { JSX } from "preact";
import { useEffect, useMemo, useState } from "preact/hooks";
import { get } from "../../api.ts";
import type { Failure } from "../../api.ts";
import { now } from "../../clock.ts";
import { copyText } from "../../components/copy.tsx";
import { PauseIcon, PlayIcon } from "../../components/icons.tsx";
import { useLoad } from "../../components/load.ts";
import { Banner, ErrorState, Failed, Skeleton } from "../../components/states.tsx";
import { toast } from "../../components/toast.tsx";
import { ago, count, moment } from "../../format.ts";
import { Frame } from "../../lazy.tsx";
import { metrics as m } from "../../messages/en/metrics.ts";
import { shell } from "../../messages/en/shell.ts";
import { navigate, to } from "../../router.ts";
import type { Place } from "../../router.ts";
import { useSession } from "../../session.ts";
import type { Space } from "../../types.ts";
import { knows } from "../../zone.ts";
import { useAnswer } from "./answer.tsx";
import type { Answered } from "./answer.tsx";
import { asked, callOf, spaceOf } from "./ask.ts";
import { Body, Nothing } from "./body.tsx";
import { Filters } from "./filters.tsx";
import type { LiveState } from "./live.ts";
import { readState, writeState } from "./state.ts";
import type { MetricsState, Span } from "./state.ts";

/** Renders again every few seconds, for what says how long ago. */
function useTick(ms = 5_000): number {
  const [at, setAt] = useState(now());
  useEffect(() => {
    const timer = setInterval(() => setAt(now()), ms);
    return () => clearInterval(timer);
  }, [ms]);
  return at;
}

function Signs(props: { state: LiveState; heardMs: number | null; failed: boolean }): JSX.Element {
  const at = useTick();
  const age = props.heardMs === null ? "" : ago(Math.max(0, at - props.heardMs));
  const since = age === shell.now ? age : shell.ago(age);
  if (props.failed) return <span class="signs lost">{m.lost(since)}</span>;
  if (props.heardMs === null || props.state === "connecting") return <span class="signs">{m.connecting}</span>;
  if (props.state === "paused") return <span class="signs">{m.paused}</span>;
  return <span class={`signs${props.state === "live" ? " live" : ""}`}>{props.state === "live" ? m.live(since) : m.polling(since)}</span>;
}

interface ActionsProps {
  state: MetricsState;
  span: Span;
  space: string;
  asks: boolean;
  paused: boolean;
  onPaused: (paused: boolean) => void;
}

function Actions(props: ActionsProps): JSX.Element {
  const { state, span, space, asks, paused } = props;
  const { endpoint } = useSession();
  const copyCall = async (): Promise<void> => {
    const params = callOf(state, span, space);
    const copied = await copyText(`${endpoint}/?Action=GetChatappPhoneNumberMetric&Version=2020-06-06&${new URLSearchParams(params).toString()}`);
    toast(!copied ? shell.copyFailed : state.numbers.length > 1 ? m.copiedCallOfAll : m.copiedCall);
    navigate(to("explorer/GetChatappPhoneNumberMetric", params));
  };
  return (
    <>
      <button type="button" class="button" aria-pressed={paused} onClick={() => props.onPaused(!paused)}>
        {paused ? <PlayIcon /> : <PauseIcon />}
        {paused ? m.resume : m.pause}
      </button>
      <button type="button" class="button" disabled={!asks} onClick={() => void copyCall()}>
        {m.asCall}
      </button>
      <button type="button" class="button hide-narrow" onClick={() => print()}>
        {m.print}
      </button>
      <a class="button" href={asks ? `/console/api/metrics.csv${asked(state, span, space)}` : undefined} download aria-disabled={!asks}>
        {m.csv}
      </a>
    </>
  );
}

export function MetricsPage(props: { place: Place }): JSX.Element {
  const state = useMemo(() => readState(props.place.query), [props.place.query.toString()]);
  const session = useSession();
  const [paused, setPaused] = useState(false);
  const spaces = useLoad("spaces", (signal) => get<{ spaces: Space[] }>("spaces", signal));
  const all = spaces.data?.spaces ?? [];
  const space = spaceOf(state, all);
  const spaceId = space?.id ?? (spaces.data ? state.space : "");
  const ownZone = space?.timeZone ?? "UTC";
  const zoneKnown = knows(ownZone);
  const zone = (state.utc && state.granularity === "half-hour") || !zoneKnown ? "UTC" : ownZone;
  const answer = useAnswer(state, spaceId, zoneKnown ? ownZone : "UTC", paused);
  const { data, span, error, comparedError } = answer;

  const change = (values: Partial<MetricsState>): void => {
    const next = { ...state, ...values };
    navigate(to("metrics", writeState(next)), { replace: Object.keys(values).every((key) => key === "zoom" || key === "view"), keepScroll: true });
  };
  const heading = (
    <span class="row">
      {shell.pages.metrics} {(answer.heardMs !== null || !error) && <Signs state={answer.live} heardMs={answer.heardMs} failed={error?.kind === "offline"} />}
    </span>
  );
  return (
    <Frame title={shell.pages.metrics} heading={heading} actions={<Actions state={state} span={span} space={spaceId} asks={answer.asks} paused={paused} onPaused={setPaused} />}>
      {answer.listener}
      <p class="print-only">
        {session.account.name} · {spaceId} · {m.printed(`${moment(now(), zone)} ${zone}`)}
      </p>
      <Filters state={state} spaces={all} space={space} numbersTotal={data && state.numbers.length === 0 ? data.numbersTotal : (space?.numbers ?? null)} zone={zone} span={span} onState={change} />
      {!zoneKnown && <Banner tone="warn">{m.unknownZone(ownZone)}</Banner>}
      {data && data.failed.length > 0 && <Banner tone="warn">{m.partial(count(data.failed.length), count(data.failed.length + data.series.length))}</Banner>}
      {data && error && <Failed error={error} retry={answer.reload} />}
      {data && comparedError && <Failed error={{ ...comparedError, message: `${m.beforeFailed} ${comparedError.message}` }} retry={answer.reloadCompared} />}
      <Content state={state} spaces={spaces.data ? all : null} failed={spaces.error ?? (data ? null : error)} retry={spaces.error ? spaces.reload : answer.reload} slow={spaces.slow || answer.slow} answer={answer} zone={zone} onState={change} />
    </Frame>
  );
}

interface ContentProps {
  state: MetricsState;
  spaces: Space[] | null;
  failed: Failure | null;
  retry: () => void;
  slow: boolean;
  answer: Answered;
  zone: string;
  onState: (change: Partial<MetricsState>) => void;
}

function Content(props: ContentProps): JSX.Element {
  const { answer, failed, state } = props;
  if (answer.data) return <Body metrics={answer.data} state={state} compared={answer.compared} busy={answer.busy && answer.slow} zone={props.zone} span={answer.span} onState={props.onState} />;
  if (failed) {
    return (
      <div class="card">
        <ErrorState error={failed} retry={props.retry} />
      </div>
    );
  }
  if (props.spaces?.length === 0) return <Nothing why="spaceless" about="" />;
  // The filters say what is wrong with the range.
  if (answer.span.endMs <= answer.span.startMs) return <></>;
  return (
    <>
      <div class="card">
        <Skeleton height={566} shown={props.slow} />
      </div>
      <div class="card">
        <Skeleton height={240} shown={props.slow} />
      </div>
    </>
  );
}
