// Reconcile: a pasted or uploaded answer of Meta beside our own counts, bucket by bucket. The server
// compares, with the code of `chatmetric reconcile`; this page asks and shows.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, get, query } from "../api.ts";
import { useAct } from "../components/act.ts";
import { Check, Segments, Select, Text } from "../components/field.tsx";
import { FileDrop } from "../components/file_drop.tsx";
import { useLoad } from "../components/load.ts";
import { Banner, EmptyState, Failed, Loaded } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import type { Column } from "../components/table.tsx";
import { bucket, count, phone } from "../format.ts";
import { Frame } from "../lazy.tsx";
import { reconcile as m } from "../messages/en/reconcile.ts";
import type { Reconciled, ReconciledRow, ReconciledStatus, Space } from "../types.ts";
import { instantOf } from "../zone.ts";

/** Below what the server takes, with the rest of the question. */
const FILE_BYTES_MAX = 900 * 1024;
const STATUSES: ReconciledStatus[] = ["matched", "ours_only", "theirs_only", "differs", "settling"];

const key = (space: Space): string => `${space.isvCode ?? ""}/${space.id}`;
const signed = (value: number): string => (value > 0 ? `+${count(value)}` : count(value));

/** The instant that a clock of the space showed so; nothing for none. */
function instant(text: string, zone: string): number | null {
  const parts = /^(\d{4,})-(\d\d)-(\d\d)T(\d\d):(\d\d)/.exec(text)?.slice(1).map(Number);
  if (!parts) return null;
  const [year, month, day, hour, minute] = parts;
  return instantOf(zone, year!, month!, day!, hour!, minute!);
}

function statusOf(row: ReconciledRow): JSX.Element {
  const text = m.statuses[row.status];
  const judged = row.status !== "matched" && row.status !== "settling";
  const tone = row.status === "settling" ? "" : row.within ? "ok" : "bad";
  return <span class={`state ${tone}`}>{judged && row.within ? m.within(text) : text}</span>;
}

const columnsOf = (zone: string): Column<ReconciledRow>[] => [
  { key: "bucket", title: m.bucket, cell: (row) => bucket(row.startMs, row.endMs, zone), by: (row) => row.startMs, upFirst: true },
  { key: "number", title: m.number, cell: (row) => phone(row.number), by: (row) => row.number, upFirst: true },
  { key: "status", title: m.status, cell: statusOf, by: (row) => row.status, upFirst: true },
  { key: "sent", title: m.sent, cell: (row) => count(row.ours.sent), by: (row) => row.ours.sent, number: true },
  { key: "their-sent", title: m.theirsSent, cell: (row) => count(row.theirs.sent), by: (row) => row.theirs.sent, number: true },
  { key: "sent-by", title: m.by, cell: (row) => signed(row.difference.sent), by: (row) => Math.abs(row.difference.sent), number: true },
  { key: "delivered", title: m.delivered, cell: (row) => count(row.ours.delivered), by: (row) => row.ours.delivered, number: true },
  { key: "their-delivered", title: m.theirsDelivered, cell: (row) => count(row.theirs.delivered), by: (row) => row.theirs.delivered, number: true },
  { key: "delivered-by", title: m.by, cell: (row) => signed(row.difference.delivered), by: (row) => Math.abs(row.difference.delivered), number: true },
];

function save(text: string, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1_000);
}

function Figure(props: { title: string; value: string }): JSX.Element {
  return (
    <div>
      <dt>{props.title}</dt>
      <dd>{props.value}</dd>
    </div>
  );
}

function Found(props: { report: Reconciled; zone: string }): JSX.Element {
  const { report, zone } = props;
  const { totals } = report;
  const [show, setShow] = useState("not");
  const rows = show === "all" ? report.rows : report.rows.filter((row) => row.status !== "matched");
  const tone = { within: "ok", beyond: "bad", not_comparable: "warn" } as const;
  return (
    <>
      <Banner tone={tone[report.status]}>
        <h2>{m.verdicts[report.status]}</h2>
        {report.notComparable.map((one) => (
          <p key={`${one.number}${one.reason}`}>
            {one.number && `${phone(one.number)}: `}
            {one.message}
          </p>
        ))}
        {report.notes.map((note) => (
          <p class="quiet" key={note}>
            {note}
          </p>
        ))}
        {report.status === "within" && totals.buckets === 0 && <p>{m.nothing}</p>}
      </Banner>
      {totals.buckets > 0 && (
        <div class="card card-body stack">
          <h2 class="visually-hidden">{m.totals}</h2>
          <dl class="figures">
            <Figure title={m.buckets} value={count(totals.buckets)} />
            {STATUSES.map((status) => (
              <Figure key={status} title={m.statuses[status]} value={count({ matched: totals.matched, ours_only: totals.oursOnly, theirs_only: totals.theirsOnly, differs: totals.differs, settling: totals.settling }[status])} />
            ))}
            <Figure title={m.sent} value={count(totals.ours.sent)} />
            <Figure title={m.theirsSent} value={count(totals.theirs.sent)} />
            <Figure title={m.delivered} value={count(totals.ours.delivered)} />
            <Figure title={m.theirsDelivered} value={count(totals.theirs.delivered)} />
          </dl>
          <div class="row">
            <Segments label={m.show} value={show} options={[{ value: "not", label: m.showNot }, { value: "all", label: m.showAll }]} onValue={setShow} />
            <span class="grow" />
            <button type="button" class="button" onClick={() => save(report.csv, "reconcile.csv")}>
              {m.csv}
            </button>
          </div>
        </div>
      )}
      {totals.buckets > 0 && (
        <div class="card">
          {rows.length === 0 ? <p class="card-body">{m.allMatch}</p> : <Table caption={m.rows} columns={columnsOf(zone)} rows={rows} rowKey={(row) => `${row.startMs} ${row.number}`} sort={{ key: "bucket", down: false }} />}
        </div>
      )}
    </>
  );
}

function Compare(props: { spaces: Space[] }): JSX.Element {
  const { spaces } = props;
  const [chosen, setChosen] = useState("");
  const [answer, setAnswer] = useState("");
  const [file, setFile] = useState<{ name: string; size: number } | null>(null);
  const [fault, setFault] = useState("");
  const [numbers, setNumbers] = useState("");
  const [tolerance, setTolerance] = useState("0");
  const [from, setFrom] = useState("");
  const [until, setUntil] = useState("");
  const [settling, setSettling] = useState(false);
  const [found, setFound] = useState<{ report: Reconciled; zone: string } | null>(null);
  const act = useAct();
  const space = spaces.find((one) => key(one) === chosen) ?? spaces.find((one) => one.default) ?? spaces[0]!;
  const take = async (next: File): Promise<void> => {
    setFault(next.size > FILE_BYTES_MAX ? m.tooLarge : "");
    if (next.size > FILE_BYTES_MAX) return;
    try {
      setAnswer(await next.text());
      setFile({ name: next.name, size: next.size });
    } catch {
      setFault(m.unreadableFile);
    }
  };
  const compare = (event: Event): void => {
    event.preventDefault();
    const asked = {
      answer,
      numbers: numbers.split(",").map((one) => one.trim()).filter((one) => one !== ""),
      startMs: instant(from, space.timeZone),
      endMs: instant(until, space.timeZone),
      tolerance: tolerance.trim() || "0",
      includeSettling: settling,
    };
    void act.run(
      () => call<Reconciled>("POST", `reconcile${query({ space: space.id, isv: space.isvCode })}`, asked),
      (report) => setFound({ report, zone: space.timeZone }),
    );
  };
  const wrong = (field: string): string | null => (act.error?.field === field ? act.error.message : null);
  return (
    <>
      <form class="card card-body stack" onSubmit={compare}>
        <FileDrop label={m.file} choose={m.choose} accept=".json,application/json" file={file} onFile={(next) => void take(next)} />
        {fault && <Banner tone="bad">{fault}</Banner>}
        <Text label={m.answer} lines={8} mono value={answer} onValue={setAnswer} hint={m.answerHint} placeholder={m.placeholder} required />
        <div class="columns">
          <Select label={m.space} value={key(space)} options={spaces.map((one) => ({ value: key(one), label: one.id }))} onValue={setChosen} />
          <Text label={m.numbers} value={numbers} onValue={setNumbers} hint={m.numbersHint} error={wrong("numbers")} />
          <Text label={m.tolerance} value={tolerance} onValue={setTolerance} hint={m.toleranceHint} error={wrong("tolerance")} />
        </div>
        <div class="columns">
          <Text label={m.from} type="datetime-local" value={from} onValue={setFrom} hint={m.rangeHint(space.timeZone)} error={wrong("startMs")} />
          <Text label={m.until} type="datetime-local" value={until} onValue={setUntil} hint={m.rangeHint(space.timeZone)} error={wrong("endMs")} />
        </div>
        <Check label={m.settling} checked={settling} onChecked={setSettling} />
        <Failed error={act.error} />
        <div class="row end">
          <button type="submit" class="button primary" disabled={act.busy || answer.trim() === ""}>
            {m.compare}
          </button>
        </div>
      </form>
      <div class="stack" aria-live="polite">
        {found ? (
          <Found report={found.report} zone={found.zone} />
        ) : (
          <div class="card">
            <EmptyState title={m.noneTitle}>
              <p>{m.noneWhat}</p>
            </EmptyState>
          </div>
        )}
      </div>
    </>
  );
}

export default function ReconcilePage(): JSX.Element {
  const spaces = useLoad("spaces", (signal) => get<{ spaces: Space[] }>("spaces", signal));
  return (
    <Frame title={m.title} lead={m.lead}>
      <Loaded of={spaces} height={420}>
        {(data) =>
          data.spaces.length === 0 ? (
            <div class="card">
              <EmptyState title={m.noSpaces}>
                <p>{m.noSpacesWhat}</p>
              </EmptyState>
            </div>
          ) : (
            <Compare spaces={data.spaces} />
          )
        }
      </Loaded>
    </Frame>
  );
}
