// Ingest health: how things stand, the books per source, and the tabs of what needs a person.
import type { JSX } from "preact";
import { useEffect } from "preact/hooks";
import { get } from "../../api.ts";
import { useLoad } from "../../components/load.ts";
import { Banner, EmptyState, Loaded } from "../../components/states.tsx";
import { Table } from "../../components/table.tsx";
import type { Column } from "../../components/table.tsx";
import { LinkTabs } from "../../components/link_tabs.tsx";
import { When } from "../../components/when.tsx";
import { NOTHING, count, decimal, span } from "../../format.ts";
import { Frame } from "../../lazy.tsx";
import type { PageProps } from "../../lazy.tsx";
import { ingest as m } from "../../messages/en/ingest.ts";
import { shell } from "../../messages/en/shell.ts";
import { BOOKS } from "../../types.ts";
import type { IngestState, Source, StreamPlace } from "../../types.ts";
import { BookTiles } from "./books.tsx";
import { ImportTab } from "./import.tsx";
import { QuarantineTab } from "./quarantine.tsx";
import { UnclaimedTab } from "./unclaimed.tsx";

const REFRESH_MS = 5_000;
const TABS = Object.entries(m.tabs).map(([key, title]) => ({ key, title, href: `/console/ingest${key === "sources" ? "" : `/${key}`}` }));

/** A delay in the unit in which it is felt. */
const delay = (ms: number): string => (ms < 1_000 ? `${count(ms)} ms` : ms < 60_000 ? `${decimal(ms / 1_000)} s` : span(ms));

/** How far a stream was read, and what is wrong with it. */
function place(of: StreamPlace | null): JSX.Element | string {
  if (of === null) return NOTHING;
  const lost = of.missing > 0 || of.recreated > 0;
  return (
    <>
      {m.placeOf(of.state, count(of.sequence), of.lag === null ? NOTHING : count(of.lag))}
      {lost && <div class="state bad">{m.placeLost(count(of.missing), count(of.recreated))}</div>}
      {of.why !== null && of.state !== "reading" && <div>{of.why}</div>}
    </>
  );
}

const COLUMNS: Column<Source>[] = [
  { key: "name", title: m.source, cell: (row) => <b class="clip">{row.name}</b>, by: (row) => row.name, upFirst: true },
  { key: "kind", title: m.kind, cell: (row) => row.kind, by: (row) => row.kind, upFirst: true },
  { key: "last", title: m.lastEvent, cell: (row) => <When ms={row.lastMs} />, by: (row) => row.lastMs ?? 0 },
  { key: "rate", title: m.perSecond, cell: (row) => (row.perSecond === null ? NOTHING : decimal(row.perSecond)), by: (row) => row.perSecond ?? -1, number: true },
  { key: "lag", title: m.lag, cell: (row) => (row.lagMs ? delay(row.lagMs.p99) : NOTHING), by: (row) => row.lagMs?.p99 ?? -1, number: true },
  { key: "place", title: m.place, cell: (row) => place(row.stream), by: (row) => row.stream?.lag ?? -1 },
  ...BOOKS.filter((book) => book !== "released" && book !== "expired" && book !== "moved").map(
    (book): Column<Source> => ({ key: book, title: m.books[book], cell: (row) => count(row.books[book]), by: (row) => row.books[book], number: true }),
  ),
];

function Sources(props: { state: IngestState }): JSX.Element {
  const { state } = props;
  const last = state.sources.reduce((latest, source) => Math.max(latest, source.lastMs ?? 0), 0);
  const rates = state.sources.flatMap((source) => (source.perSecond === null ? [] : [source.perSecond]));
  const lags = state.sources.flatMap((source) => (source.lagMs ? [source.lagMs.p99] : []));
  return (
    <>
      <Banner {...(state.health === "ready" ? { tone: "ok" as const } : { tone: state.health === "waiting" ? ("warn" as const) : ("bad" as const) })}>{m.health[state.health]}</Banner>
      <div class="card card-body stack">
        <dl class="figures">
          <div>
            <dt>{m.perSecond}</dt>
            <dd>{rates.length === 0 ? NOTHING : decimal(rates.reduce((sum, one) => sum + one, 0))}</dd>
          </div>
          <div>
            <dt>{m.lastEvent}</dt>
            <dd>{last === 0 ? NOTHING : <When ms={last} />}</dd>
          </div>
          <div>
            <dt>{m.lag}</dt>
            <dd>{lags.length === 0 ? NOTHING : delay(Math.max(...lags))}</dd>
          </div>
          {state.queuedEvents !== null && (
            <div>
              <dt>{m.queued}</dt>
              <dd>{count(state.queuedEvents)}</dd>
            </div>
          )}
        </dl>
        <BookTiles books={state.total} />
      </div>
      <div class="card">
        {state.sources.length === 0 ? (
          <EmptyState title={m.noSources} actions={<a class="button primary" href="/console/webhooks">{m.toWebhooks}</a>}>
            <p>{m.noSourcesWhat}</p>
          </EmptyState>
        ) : (
          <Table caption={m.sources} columns={COLUMNS} rows={state.sources} rowKey={(row) => row.name} sort={{ key: "last", down: true }} />
        )}
      </div>
    </>
  );
}

function SourcesTab(): JSX.Element {
  const state = useLoad("ingest", (signal) => get<IngestState>("ingest", signal));
  useEffect(() => {
    const timer = setInterval(() => document.hidden || state.reload(), REFRESH_MS);
    return () => clearInterval(timer);
  }, []);
  return (
    <Loaded of={state} height={420}>
      {(data) => <Sources state={data} />}
    </Loaded>
  );
}

export default function IngestPage(props: PageProps): JSX.Element {
  const tab = props.place.parts[1] ?? "sources";
  return (
    <Frame title={shell.pages.ingest} lead={m.lead}>
      <LinkTabs label={shell.pages.ingest} tabs={TABS} value={tab} />
      {tab === "quarantine" ? <QuarantineTab /> : tab === "unclaimed" ? <UnclaimedTab /> : tab === "import" ? <ImportTab /> : <SourcesTab />}
    </Frame>
  );
}
