// The Metrics page: asks for what its address says, keeps it alive, and hands it to the parts.
import type { JSX } from "preact";
import { useCallback, useMemo, useRef, useState } from "preact/hooks";
import { get } from "../../api.ts";
import { now } from "../../clock.ts";
import { PauseIcon, PlayIcon } from "../../components/icons.tsx";
import { useLoad } from "../../components/load.ts";
import { Banner, EmptyState, ErrorState, Failed, Skeleton } from "../../components/states.tsx";
import { copyText } from "../../components/copy.tsx";
import { toast } from "../../components/toast.tsx";
import { ago, count, moment } from "../../format.ts";
import { Frame } from "../../lazy.tsx";
import { metrics as m } from "../../messages/en/metrics.ts";
import { shell } from "../../messages/en/shell.ts";
import { navigate, to } from "../../router.ts";
import type { Place } from "../../router.ts";
import { useSession } from "../../session.ts";
import type { Change, Metrics, Space } from "../../types.ts";
import { knows } from "../../zone.ts";
import { asked, countsPath, spaceOf } from "./ask.ts";
import { Body } from "./body.tsx";
import { withChanges } from "./counts.ts";
import { Filters } from "./filters.tsx";
import { useLive, useTick } from "./live.ts";
import type { LiveState } from "./live.ts";
import { before, readState, resolve, writeState } from "./state.ts";
import type { MetricsState, Span } from "./state.ts";

/** After a change that cannot be put in place, the answer is asked for again, not more often than this. */
const AGAIN_MS = 5_000;

function Signs(props: { state: LiveState; heardMs: number | null; failed: boolean }): JSX.Element {
  const at = useTick();
  const age = props.heardMs === null ? "" : ago(Math.max(0, at - props.heardMs));
  const since = age === shell.now ? age : shell.ago(age);
  if (props.failed) return <span class="signs lost">{m.lost(since)}</span>;
  if (props.heardMs === null || props.state === "connecting") return <span class="signs">{m.connecting}</span>;
  if (props.state === "paused") return <span class="signs">{m.paused}</span>;
  return <span class={`signs${props.state === "live" ? " live" : ""}`}>{props.state === "live" ? m.live(since) : m.polling(since)}</span>;
}

/** The parameters of the RPC call that gives the same rows. */
function callOf(state: MetricsState, span: Span, space: string): Record<string, string> {
  const one = state.numbers.length === 1 ? state.numbers[0] : undefined;
  return {
    ...(state.isv ? { IsvCode: state.isv } : {}),
    CustSpaceId: space,
    Granularity: state.granularity === "daily" ? "DAILY" : "HALF_HOUR",
    Start: String(span.startMs),
    End: String(span.endMs),
    ...(one ? { PhoneNumber: one } : {}),
  };
}

export function MetricsPage(props: { place: Place }): JSX.Element {
  const state = useMemo(() => readState(props.place.query), [props.place.query.toString()]);
  const session = useSession();
  const [paused, setPaused] = useState(false);
  const [heardMs, setHeardMs] = useState<number | null>(null);
  // The range moves with the clock only when something is asked for again.
  const [turn, setTurn] = useState(0);
  const spaces = useLoad("spaces", (signal) => get<{ spaces: Space[] }>("spaces", signal));
  const all = spaces.data?.spaces ?? [];
  const space = spaceOf(state, all);
  const spaceId = space?.id ?? (spaces.data ? state.space : "");
  const ownZone = space?.timeZone ?? "UTC";
  const zoneKnown = knows(ownZone);
  const zone = (state.utc && state.granularity === "half-hour") || !zoneKnown ? "UTC" : ownZone;
  const span = useMemo(() => resolve(state, now(), zoneKnown ? ownZone : "UTC"), [state, ownZone, turn]);
  const valid = span.endMs > span.startMs;
  const base = spaceId === "" || !valid ? null : [spaceId, state.isv, state.numbers.join(), state.granularity, state.range, state.fromMs, state.toMs].join("|");
  const metrics = useLoad(
    base === null ? null : `${base}|${turn}`,
    async (signal) => {
      const result = await get<Metrics>(countsPath(state, span, spaceId), signal);
      if (result.ok) setHeardMs(now());
      return result;
    },
    true,
  );
  // Data of other filters may stay for the blink of a refresh, but not of another space.
  const data = metrics.data && metrics.data.space === spaceId && metrics.data.granularity === state.granularity ? metrics.data : null;
  const earlier = before(span, state.granularity, ownZone);
  const compared = useLoad(state.compare && base !== null ? `${base}|${turn}|before` : null, (signal) => get<Metrics>(countsPath(state, earlier, spaceId), signal));

  const again = useRef(0);
  const refresh = useCallback(() => {
    const wait = Math.max(0, again.current + AGAIN_MS - Date.now());
    if (wait > AGAIN_MS) return;
    again.current = Date.now() + wait;
    setTimeout(() => setTurn((value) => value + 1), wait);
  }, []);
  const changed = (changes: Change[]): void => {
    setHeardMs(now());
    if (!data) return;
    const mine = state.numbers.length === 0 ? changes : changes.filter((change) => state.numbers.includes(change.number));
    if (mine.length === 0) return;
    const next = withChanges(data, mine);
    if (next) metrics.set(() => next);
    else refresh();
  };
  const live = useLive(spaceId === "" ? null : spaceId, state.isv, paused, changed, () => setTurn((value) => value + 1));

  const change = (values: Partial<MetricsState>): void => {
    const next = { ...state, ...values };
    navigate(to("metrics", writeState(next)), { replace: Object.keys(values).every((key) => key === "zoom" || key === "view"), keepScroll: true });
  };
  const copyCall = async (): Promise<void> => {
    const params = callOf(state, span, spaceId);
    const target = `${session.endpoint}/?Action=GetChatappPhoneNumberMetric&Version=2020-06-06&${new URLSearchParams(params).toString()}`;
    await copyText(target);
    toast(m.copiedCall);
    navigate(to("explorer/GetChatappPhoneNumberMetric", params));
  };

  const actions = (
    <>
      <button type="button" class="button" aria-pressed={paused} onClick={() => setPaused(!paused)}>
        {paused ? <PlayIcon /> : <PauseIcon />}
        {paused ? m.resume : m.pause}
      </button>
      <button type="button" class="button" disabled={base === null} onClick={() => void copyCall()}>
        {m.asCall}
      </button>
      <button type="button" class="button hide-narrow" onClick={() => print()}>
        {m.print}
      </button>
      <a class="button" href={base === null ? undefined : `/console/api/metrics.csv${asked(state, span, spaceId)}`} download aria-disabled={base === null}>
        {m.csv}
      </a>
    </>
  );
  const heading = (
    <span class="row">
      {shell.pages.metrics} {(heardMs !== null || !metrics.error) && <Signs state={live.state} heardMs={heardMs} failed={metrics.error?.kind === "offline"} />}
    </span>
  );
  return (
    <Frame title={shell.pages.metrics} heading={heading} actions={actions}>
      <p class="print-only">
        {session.account.name} · {spaceId} · {m.printed(`${moment(now(), zone)} ${zone}`)}
      </p>
      <Filters state={state} spaces={all} space={space} numbersTotal={data && state.numbers.length === 0 ? data.numbersTotal : (space?.numbers ?? null)} zone={zone} span={span} onState={change} />
      {!zoneKnown && <Banner tone="warn">{m.unknownZone(ownZone)}</Banner>}
      {data && data.failed.length > 0 && <Banner tone="warn">{m.partial(count(data.failed.length), count(data.failed.length + data.series.length))}</Banner>}
      {data && metrics.error && <Failed error={metrics.error} retry={metrics.reload} />}
      <Content state={state} spaces={spaces.data ? all : null} failed={spaces.error ?? (data ? null : metrics.error)} retry={spaces.error ? spaces.reload : metrics.reload} slow={spaces.slow || metrics.slow} data={data} compared={compared.data} busy={metrics.busy && metrics.slow} zone={zone} span={span} onState={change} />
    </Frame>
  );
}

interface ContentProps {
  state: MetricsState;
  spaces: Space[] | null;
  failed: Parameters<typeof ErrorState>[0]["error"] | null;
  retry: () => void;
  slow: boolean;
  busy: boolean;
  data: Metrics | null;
  compared: Metrics | null;
  zone: string;
  span: Span;
  onState: (change: Partial<MetricsState>) => void;
}

function Content(props: ContentProps): JSX.Element {
  const { data, failed } = props;
  if (data) return <Body metrics={data} state={props.state} compared={props.compared} busy={props.busy} zone={props.zone} span={props.span} onState={props.onState} />;
  if (failed) {
    return (
      <div class="card">
        <ErrorState error={failed} retry={props.retry} />
      </div>
    );
  }
  if (props.spaces?.length === 0) {
    return (
      <div class="card">
        <EmptyState title={m.noSpaces} actions={<a class="button" href="/console/spaces">{m.toSpaces}</a>}>
          <p>{m.noSpacesWhat}</p>
        </EmptyState>
      </div>
    );
  }
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
