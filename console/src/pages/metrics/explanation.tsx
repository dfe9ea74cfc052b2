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

const source = (origin: Origin): JSX.Element => (
  <>
    {origin.source !== null && <span class="nowrap">{origin.source} </span>}
    <span class="quiet">{m.kinds[origin.kind] ?? origin.kind}</span>
  </>
);

const share = (counter: "sent" | "delivered", title: string): Column<Origin>[] => [
  { key: counter, title, cell: (row) => <b>{count(row[counter].total)}</b>, number: true },
  { key: `${counter}-reported`, title: m.reported, cell: (row) => count(row[counter].reported), number: true },
  { key: `${counter}-implied`, title: m.implied, cell: (row) => count(row[counter].implied), number: true },
  { key: `${counter}-moved`, title: m.moved, cell: (row) => signed(row[counter].moved), number: true },
];

const ORIGINS: Column<Origin>[] = [
  { key: "source", title: m.source, cell: source },
  ...share("sent", m.sent),
  ...share("delivered", m.delivered),
  { key: "duplicates", title: m.duplicates, cell: (row) => count(row.duplicates), number: true },
  { key: "late", title: m.late, cell: (row) => count(row.late), number: true },
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
      {told.origins.length === 0 ? <p>{m.nothing}</p> : <Table caption={m.sources} columns={ORIGINS} rows={told.origins} rowKey={(row) => `${row.kind} ${row.source}`} />}
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
