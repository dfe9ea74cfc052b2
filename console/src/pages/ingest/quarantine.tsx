// Events that are held back: why, from where, and what can be done. Bodies are sealed; opening one
// is asked for twice because it is audited.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, get, query } from "../../api.ts";
import { useAct } from "../../components/act.ts";
import { Dialog } from "../../components/dialog.tsx";
import { Select } from "../../components/field.tsx";
import { useLoad } from "../../components/load.ts";
import { Pager } from "../../components/pager.tsx";
import { EmptyState, Failed, Loaded } from "../../components/states.tsx";
import { Table } from "../../components/table.tsx";
import type { Column } from "../../components/table.tsx";
import { When } from "../../components/when.tsx";
import { NOTHING, phone } from "../../format.ts";
import { ingest as m } from "../../messages/en/ingest.ts";
import { shell } from "../../messages/en/shell.ts";
import { useMay } from "../../session.ts";
import type { Quarantined } from "../../types.ts";

interface Page {
  items: Quarantined[];
  next: string | null;
}

function OpenDialog(props: { item: Quarantined; onClose: () => void }): JSX.Element {
  const [body, setBody] = useState<string | null>(null);
  const act = useAct();
  const open = (): void => void act.run(() => call<{ body: string }>("POST", `quarantine/${encodeURIComponent(props.item.id)}/open`), (answer) => setBody(answer.body));
  return (
    <Dialog title={body === null ? m.openTitle : m.body} onClose={props.onClose} broad>
      {body === null ? (
        <>
          <p>{m.sealed}</p>
          <Failed error={act.error} />
          <div class="dialog-foot">
            <button type="button" class="button" onClick={props.onClose}>
              {shell.cancel}
            </button>
            <button type="button" class="button primary" disabled={act.busy} onClick={open}>
              {m.open}
            </button>
          </div>
        </>
      ) : (
        <div class="code">
          <pre tabIndex={0}>{body}</pre>
        </div>
      )}
    </Dialog>
  );
}

/** Reasons that can go away, so that the event can be counted after all; a newer version reads more. */
const REPLAYABLE = new Set(["foreign_number", "too_many_numbers", "unparsable", "malformed", "bad_timestamp"]);

function ReplayDialog(props: { item: Quarantined; onClose: () => void; onDone: () => void }): JSX.Element {
  const act = useAct();
  const [events, setEvents] = useState<number | null>(null);
  const replay = (): void =>
    void act.run(
      () => call<{ events: number }>("POST", `quarantine/${encodeURIComponent(props.item.id)}/replay`),
      (answer) => setEvents(answer.events),
    );
  const close = events === null ? props.onClose : props.onDone;
  return (
    <Dialog title={m.replayTitle} onClose={close}>
      <p role="status">{events === null ? m.replayWhat : m.replayed(String(events))}</p>
      <Failed error={act.error} />
      <div class="dialog-foot">
        <button type="button" class="button" onClick={close}>
          {events === null ? shell.cancel : shell.close}
        </button>
        {events === null && (
          <button type="button" class="button primary" disabled={act.busy} onClick={replay}>
            {m.replay}
          </button>
        )}
      </div>
    </Dialog>
  );
}

export function QuarantineTab(): JSX.Element {
  const may = useMay();
  const [reason, setReason] = useState("");
  const [reasons, setReasons] = useState<string[]>([]);
  const [after, setAfter] = useState<string[]>([]);
  const [opened, setOpened] = useState<Quarantined | null>(null);
  const [replayed, setReplayed] = useState<Quarantined | null>(null);
  const page = useLoad(
    `quarantine|${reason}|${after.at(-1) ?? ""}`,
    async (signal) => {
      const result = await get<Page>(`quarantine${query({ reason, after: after.at(-1), limit: 100 })}`, signal);
      if (result.ok) setReasons((old) => [...new Set([...old, ...result.data.items.map((item) => item.reason)])].sort());
      return result;
    },
    true,
  );
  const columns: Column<Quarantined>[] = [
    { key: "received", title: m.received, cell: (row) => <When ms={row.receivedMs} />, by: (row) => row.receivedMs },
    { key: "reason", title: m.reason, cell: (row) => <span class="chip">{row.reason}</span>, by: (row) => row.reason, upFirst: true },
    { key: "source", title: m.source, cell: (row) => <span class="clip">{row.source}</span>, by: (row) => row.source, upFirst: true },
    { key: "space", title: m.space, cell: (row) => row.space ?? NOTHING },
    { key: "number", title: m.number, cell: (row) => (row.number ? phone(row.number) : NOTHING), by: (row) => row.number ?? "", upFirst: true },
    { key: "status", title: m.status, cell: (row) => row.status ?? NOTHING },
    { key: "at", title: m.at, cell: (row) => <When ms={row.atMs} /> },
    {
      key: "actions",
      title: m.actions,
      actions: true,
      cell: (row) => (
        <>
          {row.sealed && may("chatmetric:OpenQuarantine") && (
            <button type="button" class="button slim" onClick={() => setOpened(row)}>
              {m.open}
            </button>
          )}
          {REPLAYABLE.has(row.reason) && may("chatmetric:ReplayQuarantine") && (
            <button type="button" class="button slim" onClick={() => setReplayed(row)}>
              {m.replay}
            </button>
          )}
        </>
      ),
    },
  ];
  return (
    <>
      <div class="row">
        <Select
          label={m.reason}
          value={reason}
          options={[{ value: "", label: m.allReasons }, ...reasons.map((one) => ({ value: one, label: one }))]}
          onValue={(value) => {
            setReason(value);
            setAfter([]);
          }}
        />
      </div>
      <div class="card">
        <Loaded of={page}>
          {(data) =>
            data.items.length === 0 ? (
              <EmptyState title={m.emptyQuarantine}>
                <p>{m.emptyQuarantineWhat}</p>
              </EmptyState>
            ) : (
              <>
                <Table caption={m.tabs.quarantine} columns={columns} rows={data.items} rowKey={(row) => row.id} />
                <Pager after={after} next={data.next} onAfter={setAfter} />
              </>
            )
          }
        </Loaded>
      </div>
      {opened && <OpenDialog item={opened} onClose={() => setOpened(null)} />}
      {replayed && (
        <ReplayDialog
          item={replayed}
          onClose={() => setReplayed(null)}
          onDone={() => {
            setReplayed(null);
            page.reload();
          }}
        />
      )}
    </>
  );
}
