// The audit log: newest first, page by page, with what was before and after.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { get, query } from "../api.ts";
import { Dialog } from "../components/dialog.tsx";
import { Text } from "../components/field.tsx";
import { useLoad } from "../components/load.ts";
import { Pager } from "../components/pager.tsx";
import { EmptyState, Loaded } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import type { Column } from "../components/table.tsx";
import { When } from "../components/when.tsx";
import { NOTHING } from "../format.ts";
import { Frame } from "../lazy.tsx";
import { audit as m } from "../messages/en/operator.ts";
import { shell } from "../messages/en/shell.ts";
import { useSession } from "../session.ts";
import type { AuditEntry } from "../types.ts";

function Entry(props: { entry: AuditEntry; onClose: () => void }): JSX.Element {
  const { entry } = props;
  const sides: [string, unknown][] = [
    [m.before, entry.before],
    [m.after, entry.after],
  ];
  return (
    <Dialog title={m.detailsOf(entry.action)} onClose={props.onClose} broad>
      <dl class="facts">
        <dt>{m.at}</dt>
        <dd>
          <When ms={entry.atMs} exact />
        </dd>
        <dt>{m.actor}</dt>
        <dd>{entry.actor}</dd>
        <dt>{m.account}</dt>
        <dd class="mono">{entry.account}</dd>
        <dt>{m.key}</dt>
        <dd class="mono">{entry.accessKeyId ?? NOTHING}</dd>
        <dt>{m.requestId}</dt>
        <dd class="mono">{entry.requestId ?? NOTHING}</dd>
      </dl>
      {sides.map(
        ([title, value]) =>
          value !== null && (
            <section class="code" aria-label={title} key={title}>
              <div class="code-head">
                <h3>{title}</h3>
              </div>
              <pre tabIndex={0}>{typeof value === "string" ? value : JSON.stringify(value, null, 2)}</pre>
            </section>
          ),
      )}
    </Dialog>
  );
}

export default function AuditPage(): JSX.Element {
  const session = useSession();
  const [account, setAccount] = useState("");
  const [after, setAfter] = useState<string[]>([]);
  const [opened, setOpened] = useState<AuditEntry | null>(null);
  const page = useLoad(`audit|${account}|${after.at(-1) ?? ""}`, (signal) => get<{ entries: AuditEntry[]; next: string | null }>(`audit${query({ after: after.at(-1), limit: 100, account })}`, signal), true);
  const columns: Column<AuditEntry>[] = [
    { key: "at", title: m.at, cell: (row) => <When ms={row.atMs} exact /> },
    { key: "actor", title: m.actor, cell: (row) => <span class="clip">{row.actor}</span>, by: (row) => row.actor, upFirst: true },
    { key: "action", title: m.action, cell: (row) => <code>{row.action}</code>, by: (row) => row.action, upFirst: true },
    { key: "target", title: m.target, cell: (row) => <span class="clip">{row.target ?? NOTHING}</span> },
    { key: "ip", title: m.ip, cell: (row) => row.sourceIp ?? NOTHING },
    {
      key: "details",
      title: m.details,
      actions: true,
      cell: (row) => (
        <button type="button" class="button slim" onClick={() => setOpened(row)}>
          {m.show}
        </button>
      ),
    },
  ];
  return (
    <Frame title={shell.pages.audit} lead={m.lead}>
      {session.operator && (
        <div class="row">
          <Text
            label={m.accountFilter}
            mono
            value={account}
            placeholder={m.own}
            onValue={(value) => {
              setAccount(value.trim());
              setAfter([]);
            }}
          />
        </div>
      )}
      <div class="card">
        <Loaded of={page}>
          {(data) =>
            data.entries.length === 0 ? (
              <EmptyState title={m.empty} />
            ) : (
              <>
                <Table caption={shell.pages.audit} columns={columns} rows={data.entries} rowKey={(row) => row.id} />
                <Pager after={after} next={data.next} onAfter={setAfter} />
              </>
            )
          }
        </Loaded>
      </div>
      {opened && <Entry entry={opened} onClose={() => setOpened(null)} />}
    </Frame>
  );
}
