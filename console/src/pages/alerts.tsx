// Alerts of the watch: open, acknowledged, over; each can be acknowledged with a note.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, get, query } from "../api.ts";
import { useAct } from "../components/act.ts";
import { Dialog } from "../components/dialog.tsx";
import { Text } from "../components/field.tsx";
import { useLoad } from "../components/load.ts";
import { Pager } from "../components/pager.tsx";
import { Banner, EmptyState, Failed, Loaded } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import type { Column } from "../components/table.tsx";
import { Tabs } from "../components/tabs.tsx";
import { toast } from "../components/toast.tsx";
import { When } from "../components/when.tsx";
import { NOTHING } from "../format.ts";
import { Frame } from "../lazy.tsx";
import { alerts as m } from "../messages/en/alerts.ts";
import { shell } from "../messages/en/shell.ts";
import { useMay, useSession } from "../session.ts";
import type { Alert, AlertsPage } from "../types.ts";

const STATES = ["open", "acknowledged", "resolved"];

function Acknowledge(props: { alert: Alert; onClose: () => void; onDone: () => void }): JSX.Element {
  const [note, setNote] = useState(props.alert.note ?? "");
  const act = useAct();
  const send = (event: Event): void => {
    event.preventDefault();
    void act.run(
      () => call("POST", `alerts/${props.alert.id}/acknowledge`, { note }),
      () => {
        toast(m.acknowledged);
        props.onDone();
      },
    );
  };
  return (
    <Dialog title={m.acknowledgeTitle(props.alert.id)} onClose={props.onClose}>
      <form class="stack" onSubmit={send}>
        <p>{props.alert.summary}</p>
        <Text label={m.note} hint={m.noteHint} lines={3} value={note} onValue={setNote} error={act.error?.field === "note" ? act.error.message : null} />
        {act.error?.field !== "note" && <Failed error={act.error} />}
        <div class="dialog-foot">
          <button type="button" class="button" onClick={props.onClose}>
            {shell.cancel}
          </button>
          <button type="submit" class="button primary" disabled={act.busy}>
            {m.acknowledge}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

/** What an alert is about, without the word that names its kind. */
function about(subject: string): string {
  return m.subjects[subject] ?? subject.slice(subject.indexOf("/") + 1);
}

export default function AlertsPage(): JSX.Element {
  const session = useSession();
  const may = useMay();
  const [state, setState] = useState("open");
  const [after, setAfter] = useState<number[]>([]);
  const [chosen, setChosen] = useState<Alert | null>(null);
  const page = useLoad(`alerts|${state}|${after.at(-1) ?? ""}`, (signal) => get<AlertsPage>(`alerts${query({ state, after: after.at(-1), limit: 100 })}`, signal), true);
  const columns: Column<Alert>[] = [
    { key: "fired", title: m.fired, cell: (row) => <When ms={row.sinceMs} exact /> },
    { key: "rule", title: m.rule, cell: (row) => <span class="chip">{m.rules[row.rule] ?? row.rule}</span>, by: (row) => row.rule, upFirst: true },
    { key: "subject", title: m.subject, cell: (row) => <span class="clip mono">{about(row.subject)}</span>, by: (row) => row.subject, upFirst: true },
    { key: "summary", title: m.summary, cell: (row) => row.summary },
  ];
  if (session.operator) columns.splice(1, 0, { key: "account", title: m.account, cell: (row) => row.account ?? m.installation, by: (row) => row.account ?? "", upFirst: true });
  if (state === "resolved") columns.push({ key: "over", title: m.over, cell: (row) => (row.resolvedMs === null ? NOTHING : <When ms={row.resolvedMs} exact />) });
  if (state !== "open") columns.push({ key: "by", title: m.by, cell: (row) => <span class="clip">{row.acknowledgedBy ?? NOTHING}</span> }, { key: "note", title: m.note, cell: (row) => row.note ?? NOTHING });
  if (state !== "resolved" && may("chatmetric:AcknowledgeAlerts")) {
    columns.push({
      key: "actions",
      title: m.actions,
      actions: true,
      cell: (row) => (
        <button type="button" class="button slim" onClick={() => setChosen(row)}>
          {m.acknowledge}
        </button>
      ),
    });
  }
  return (
    <Frame title={shell.pages.alerts} lead={m.lead}>
      <Tabs
        label={m.tabs}
        tabs={STATES.map((key) => ({ key, title: m.states[key] ?? key }))}
        value={state}
        onValue={(key) => {
          setState(key);
          setAfter([]);
        }}
      >
        <div class="card">
          <Loaded of={page}>
            {(data) => (
              <>
                {!data.enabled && <Banner tone="warn">{m.off}</Banner>}
                {data.told?.webhookError && <Banner tone="bad">{m.untold(m.webhook, data.told.webhookError)}</Banner>}
                {data.told?.alertmanagerError && <Banner tone="bad">{m.untold(m.alertmanager, data.told.alertmanagerError)}</Banner>}
                {data.alerts.length === 0 ? <EmptyState title={m.empty[state] ?? NOTHING} /> : <Table caption={shell.pages.alerts} columns={columns} rows={data.alerts} rowKey={(row) => String(row.id)} />}
                <Pager after={after} next={data.next} onAfter={setAfter} />
              </>
            )}
          </Loaded>
        </div>
      </Tabs>
      {chosen && (
        <Acknowledge
          alert={chosen}
          onClose={() => setChosen(null)}
          onDone={() => {
            setChosen(null);
            page.reload();
          }}
        />
      )}
    </Frame>
  );
}
