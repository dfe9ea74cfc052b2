// Phone numbers of a space: state at a glance, adding many at once.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, get, query } from "../api.ts";
import { useAct } from "../components/act.ts";
import { Dialog } from "../components/dialog.tsx";
import { Select, Text } from "../components/field.tsx";
import { useLoad } from "../components/load.ts";
import { Banner, EmptyState, Failed, Loaded } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import type { Column } from "../components/table.tsx";
import { When } from "../components/when.tsx";
import { count, phone } from "../format.ts";
import { Frame } from "../lazy.tsx";
import type { PageProps } from "../lazy.tsx";
import { numbers as m } from "../messages/en/directory.ts";
import { shell } from "../messages/en/shell.ts";
import { navigate, to } from "../router.ts";
import { useMay } from "../session.ts";
import type { PhoneNumber, Space } from "../types.ts";
import { ChangeDialog } from "./number_change.tsx";

interface Listed {
  /** The first ones only, where a space has very many. */
  numbers: PhoneNumber[];
  numbersTotal: number;
}
type Outcome = { number: string; outcome: string };
/** So many digits may be a whole phone number. */
const WHOLE_DIGITS = 7;
const TONES: Record<string, string> = { active: "ok", quiet: "warn", new: "" };

function AddDialog(props: { space: string; onClose: (changed: boolean) => void }): JSX.Element {
  const [text, setText] = useState("");
  const [results, setResults] = useState<Outcome[] | null>(null);
  const act = useAct();
  const numbers = text
    .split(/\r?\n/)
    .map((line) => line.split(/[,;\t]/)[0]!.replace(/^"|"$/g, "").trim())
    .filter((line) => /\d/.test(line));
  const add = (event: Event): void => {
    event.preventDefault();
    void act.run(() => call<{ results: Outcome[] }>("POST", "numbers", { space: props.space, numbers }), (answer) => setResults(answer.results));
  };
  return (
    <Dialog title={m.addTitle(props.space)} onClose={() => props.onClose(results !== null)}>
      {results ? (
        <>
          <p>{m.added(count(results.filter((one) => one.outcome === "bound").length), count(results.length))}</p>
          <dl class="facts">
            {results.map((one, at) => (
              <div class="contents" key={at}>
                <dt>{phone(one.number)}</dt>
                <dd>
                  <span class={`state ${one.outcome === "bound" ? "ok" : "warn"}`}>{m.outcomes[one.outcome] ?? one.outcome}</span>
                </dd>
              </div>
            ))}
          </dl>
          <div class="dialog-foot">
            <button type="button" class="button primary" onClick={() => props.onClose(true)}>
              {m.done}
            </button>
          </div>
        </>
      ) : (
        <form class="stack" onSubmit={add}>
          <Text label={m.addNumbers} hint={m.addHint} lines={8} mono value={text} onValue={setText} required />
          <Failed error={act.error} />
          <div class="dialog-foot">
            <button type="button" class="button" onClick={() => props.onClose(false)}>
              {shell.cancel}
            </button>
            <button type="submit" class="button primary" disabled={act.busy || numbers.length === 0}>
              {m.add}
            </button>
          </div>
        </form>
      )}
    </Dialog>
  );
}

/** Above a list that is not all: how many there are, and the way to one that is not listed. */
function Others(props: { listed: Listed; digits: string; href: (number: string) => string }): JSX.Element {
  const { listed, digits } = props;
  const other = digits.length >= WHOLE_DIGITS && !listed.numbers.some((one) => one.number.includes(digits));
  return (
    <div class="card-body">
      <Banner
        action={
          other && (
            <a class="button slim" href={props.href(digits)}>
              {m.toMetrics(phone(digits))}
            </a>
          )
        }
      >
        {m.firstOf(count(listed.numbers.length), count(listed.numbersTotal))} {m.others}
      </Banner>
    </div>
  );
}

export default function NumbersPage(props: PageProps): JSX.Element {
  const may = useMay();
  const [adding, setAdding] = useState(false);
  const [moving, setMoving] = useState<string | null>(null);
  const [filter, setFilter] = useState("");
  const spaces = useLoad("spaces", (signal) => get<{ spaces: Space[] }>("spaces", signal));
  const all = spaces.data?.spaces ?? [];
  const wanted = props.place.query.get("space");
  const space = all.find((one) => one.id === wanted) ?? all.find((one) => one.default) ?? all[0] ?? null;
  const numbers = useLoad(space ? `numbers|${space.id}` : null, (signal) => get<Listed>(`numbers${query({ space: space?.id, isv: space?.isvCode })}`, signal));
  const metricsOf = (number: string): string => to("metrics", { space: space?.id ?? "", numbers: number, ...(space?.isvCode ? { isv: space.isvCode } : {}) });
  const columns: Column<PhoneNumber>[] = [
    { key: "number", title: m.number, cell: (row) => <a class="nowrap" href={metricsOf(row.number)} aria-label={m.toMetrics(phone(row.number))}>{phone(row.number)}</a>, by: (row) => row.number, upFirst: true },
    { key: "state", title: m.state, cell: (row) => <span class={`state ${TONES[row.state] ?? ""}`}>{m.states[row.state] ?? row.state}</span>, by: (row) => row.state, upFirst: true },
    { key: "sent", title: m.sent, cell: (row) => count(row.sent24h), by: (row) => row.sent24h, number: true },
    { key: "delivered", title: m.delivered, cell: (row) => count(row.delivered24h), by: (row) => row.delivered24h, number: true },
    { key: "last", title: m.last, cell: (row) => <When ms={row.lastMs} />, by: (row) => row.lastMs ?? 0 },
    { key: "first", title: m.first, cell: (row) => <When ms={row.firstMs} />, by: (row) => row.firstMs ?? 0 },
    { key: "since", title: m.since, cell: (row) => <When ms={row.sinceMs} />, by: (row) => row.sinceMs },
  ];
  const changeable = space && !space.isvCode && may("chatmetric:ChangeNumbers");
  if (changeable) {
    const cell = (row: PhoneNumber): JSX.Element => (
      <button type="button" class="button slim" aria-label={m.changeOf(phone(row.number))} onClick={() => setMoving(row.number)}>
        {m.change}
      </button>
    );
    columns.push({ key: "actions", title: m.actions, actions: true, cell });
  }
  const add = changeable && (
    <button type="button" class="button primary" onClick={() => setAdding(true)}>
      {m.add}
    </button>
  );
  const digits = filter.replace(/\D/g, "");
  return (
    <Frame title={shell.pages.numbers} lead={m.lead} actions={add}>
      <Loaded of={spaces}>
        {() => (
          <>
            <div class="card filters">
              {all.length > 1 && space && <Select label={m.space} value={space.id} options={all.map((one) => ({ value: one.id, label: one.id }))} onValue={(id) => navigate(to("numbers", { space: id }))} />}
              <Text label={m.filter} value={filter} onValue={setFilter} inputMode="tel" />
              <div class="filters-zone">
                <a href="/console/ingest/unclaimed">{m.toUnclaimed}</a>
              </div>
            </div>
            <div class="card">
              <Loaded of={numbers} height={320}>
                {(data) =>
                  data.numbers.length === 0 ? (
                    <EmptyState title={m.empty} actions={add}>
                      <p>{m.emptyWhat}</p>
                    </EmptyState>
                  ) : (
                    <>
                      {data.numbersTotal > data.numbers.length && <Others listed={data} digits={digits} href={metricsOf} />}
                      <Table caption={shell.pages.numbers} columns={columns} rows={data.numbers.filter((one) => one.number.includes(digits))} rowKey={(row) => row.number} sort={{ key: "sent", down: true }} />
                    </>
                  )
                }
              </Loaded>
            </div>
          </>
        )}
      </Loaded>
      {moving !== null && space && (
        <ChangeDialog
          number={moving}
          space={space.id}
          spaces={all}
          onClose={(changed) => {
            setMoving(null);
            if (changed) numbers.reload();
          }}
        />
      )}
      {adding && space && (
        <AddDialog
          space={space.id}
          onClose={(changed) => {
            setAdding(false);
            if (changed) numbers.reload();
          }}
        />
      )}
    </Frame>
  );
}
