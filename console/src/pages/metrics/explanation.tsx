// What made a count: the shares of its sources and what came after the interval was over, in a
// dialog. It asks and shows; the server sums up.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { get, query } from "../../api.ts";
import { Dialog } from "../../components/dialog.tsx";
import { Select } from "../../components/field.tsx";
import { useLoad } from "../../components/load.ts";
import { Loaded } from "../../components/states.tsx";
import { Table } from "../../components/table.tsx";
import type { Column } from "../../components/table.tsx";
import { bucket, count, moment, phone } from "../../format.ts";
import { explanation as m } from "../../messages/en/explanation.ts";
import type { Explanation, Metrics, Origin, Revision } from "../../types.ts";

interface Props {
  metrics: Metrics;
  isv: string;
  startMs: number;
  zone: string;
  onClose: () => void;
}

const signed = (value: number): string => (value > 0 ? `+${count(value)}` : count(value));

/** Of each source a row for what was sent and one for what was delivered. */
interface ShareRow {
  origin: Origin;
  counter: "sent" | "delivered";
}

const rowsOf = (origins: Origin[]): ShareRow[] => origins.flatMap((origin) => (["sent", "delivered"] as const).map((counter) => ({ origin, counter })));

const once = (row: ShareRow, shown: JSX.Element | string): JSX.Element | string => (row.counter === "sent" ? shown : "");

const source = (origin: Origin): JSX.Element => (
  <>
    {origin.source !== null && <span class="nowrap">{origin.source} </span>}
    <span class="quiet">{m.kinds[origin.kind] ?? origin.kind}</span>
  </>
);

const SHARES: Column<ShareRow>[] = [
  { key: "source", title: m.source, cell: (row) => once(row, source(row.origin)) },
  { key: "counter", title: m.counted, cell: (row) => m[row.counter] },
  { key: "total", title: m.total, cell: (row) => <b>{count(row.origin[row.counter].total)}</b>, number: true },
  { key: "reported", title: m.reported, cell: (row) => count(row.origin[row.counter].reported), number: true },
  { key: "implied", title: m.implied, cell: (row) => count(row.origin[row.counter].implied), number: true },
  { key: "moved", title: m.moved, cell: (row) => signed(row.origin[row.counter].moved), number: true },
  { key: "duplicates", title: m.duplicates, cell: (row) => once(row, count(row.origin.duplicates)), number: true },
  { key: "late", title: m.late, cell: (row) => once(row, count(row.origin.late)), number: true },
];

const revisionsIn = (zone: string): Column<Revision>[] => [
  { key: "received", title: m.received(zone), cell: (row) => <span class="nowrap">{bucket(row.receivedStartMs, row.receivedEndMs, zone)}</span> },
  { key: "sent", title: m.sent, cell: (row) => signed(row.sent), number: true },
  { key: "delivered", title: m.delivered, cell: (row) => signed(row.delivered), number: true },
];

function Told(props: { told: Explanation; zone: string }): JSX.Element {
  const { told, zone } = props;
  const at = (ms: number): string => `${moment(ms, zone)} ${zone}`;
  return (
    <div class="stack">
      {told.origins.length === 0 ? <p>{m.nothing}</p> : <Table caption={m.sources} columns={SHARES} rows={rowsOf(told.origins)} rowKey={(row) => `${row.origin.kind} ${row.origin.source} ${row.counter}`} />}
      {told.revisions.length > 0 && (
        <>
          <h3>{m.revisions}</h3>
          <Table caption={m.revisions} columns={revisionsIn(zone)} rows={told.revisions} rowKey={(row) => String(row.receivedStartMs)} pageSize={10} />
        </>
      )}
      <p>
        {told.settledSinceMs === null ? m.open : m.since(at(told.settledSinceMs))} {told.finalMs !== null && m.until(at(told.finalMs))}
      </p>
      <p class="hint">{m.how}</p>
    </div>
  );
}

export function ExplanationDialog(props: Props): JSX.Element {
  const { metrics, zone } = props;
  const numbers = metrics.series.map((series) => series.number);
  const [number, setNumber] = useState(numbers[0] ?? "");
  const path = `explanation${query({ space: metrics.space, isv: props.isv, number, granularity: metrics.granularity, bucket: props.startMs })}`;
  const told = useLoad(path, (signal) => get<Explanation>(path, signal));
  return (
    <Dialog title={m.title} broad onClose={props.onClose}>
      {numbers.length > 1 && <Select label={m.number} value={number} options={numbers.map((value) => ({ value, label: phone(value) }))} onValue={setNumber} />}
      <Loaded of={told} height={200}>
        {(data) => (
          <>
            <p>
              {phone(data.number)}, {bucket(data.startMs, data.endMs, zone)} {zone}: {m.sent} <b>{count(data.sent)}</b>, {m.delivered} <b>{count(data.delivered)}</b>
            </p>
            <Told told={data} zone={zone} />
          </>
        )}
      </Loaded>
    </Dialog>
  );
}
