// Numbers that send events and belong to no space, with the way to claim them.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, get } from "../../api.ts";
import { useAct } from "../../components/act.ts";
import { Dialog } from "../../components/dialog.tsx";
import { Select } from "../../components/field.tsx";
import { useLoad } from "../../components/load.ts";
import { EmptyState, Failed, Loaded } from "../../components/states.tsx";
import { Table } from "../../components/table.tsx";
import type { Column } from "../../components/table.tsx";
import { toast } from "../../components/toast.tsx";
import { When } from "../../components/when.tsx";
import { count, phone } from "../../format.ts";
import { ingest as m } from "../../messages/en/ingest.ts";
import { shell } from "../../messages/en/shell.ts";
import { useMay } from "../../session.ts";
import type { Space, Unclaimed } from "../../types.ts";

function ClaimDialog(props: { number: string; onClose: () => void; onDone: () => void }): JSX.Element {
  const act = useAct();
  const spaces = useLoad("spaces", (signal) => get<{ spaces: Space[] }>("spaces", signal));
  const own = (spaces.data?.spaces ?? []).filter((space) => !space.isvCode);
  const [chosen, setChosen] = useState("");
  const space = chosen || (own.find((one) => one.default) ?? own[0])?.id || "";
  const claim = (): void =>
    void act.run(
      () => call<{ result: { events: number } }>("POST", `unclaimed/${encodeURIComponent(props.number)}/claim`, { space }),
      (answer) => {
        toast(m.claimed(count(answer.result.events)));
        props.onDone();
      },
    );
  return (
    <Dialog title={m.claimTitle(phone(props.number))} onClose={props.onClose}>
      <p>{m.claimWhat}</p>
      <Select label={m.space} value={space} options={own.map((one) => ({ value: one.id, label: one.id }))} onValue={setChosen} />
      <Failed error={spaces.error ?? act.error} />
      <div class="dialog-foot">
        <button type="button" class="button" onClick={props.onClose}>
          {shell.cancel}
        </button>
        <button type="button" class="button primary" disabled={act.busy || space === ""} onClick={claim}>
          {m.claim}
        </button>
      </div>
    </Dialog>
  );
}

export function UnclaimedTab(): JSX.Element {
  const may = useMay();
  const numbers = useLoad("unclaimed", (signal) => get<{ numbers: Unclaimed[] }>("unclaimed", signal));
  const [claiming, setClaiming] = useState<string | null>(null);
  const columns: Column<Unclaimed>[] = [
    { key: "number", title: m.number, cell: (row) => <b class="nowrap">{phone(row.number)}</b>, by: (row) => row.number, upFirst: true },
    { key: "events", title: m.events, cell: (row) => count(row.events), by: (row) => row.events, number: true },
    { key: "first", title: m.first, cell: (row) => <When ms={row.firstMs} />, by: (row) => row.firstMs },
    { key: "last", title: m.last, cell: (row) => <When ms={row.lastMs} />, by: (row) => row.lastMs },
    {
      key: "actions",
      title: m.actions,
      actions: true,
      cell: (row) =>
        may("chatmetric:ChangeNumbers") && (
          <button type="button" class="button slim" onClick={() => setClaiming(row.number)}>
            {m.claim}
          </button>
        ),
    },
  ];
  return (
    <div class="card">
      <Loaded of={numbers}>
        {(data) =>
          data.numbers.length === 0 ? (
            <EmptyState title={m.unclaimedTitle}>
              <p>{m.unclaimedWhat}</p>
            </EmptyState>
          ) : (
            <Table caption={m.tabs.unclaimed} columns={columns} rows={data.numbers} rowKey={(row) => row.number} sort={{ key: "events", down: true }} />
          )
        }
      </Loaded>
      {claiming && (
        <ClaimDialog
          number={claiming}
          onClose={() => setClaiming(null)}
          onDone={() => {
            setClaiming(null);
            numbers.reload();
          }}
        />
      )}
    </div>
  );
}
