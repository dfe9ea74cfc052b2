// Accounts, for the operator: making, limiting and suspending them, and what they used.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, get, query } from "../api.ts";
import { now } from "../clock.ts";
import { useAct } from "../components/act.ts";
import { Dialog, SecretOnce } from "../components/dialog.tsx";
import { Check, Text } from "../components/field.tsx";
import { useLoad } from "../components/load.ts";
import { Failed, Loaded } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import type { Column } from "../components/table.tsx";
import { NOTHING, count } from "../format.ts";
import { Frame } from "../lazy.tsx";
import { accounts as m } from "../messages/en/operator.ts";
import { shell } from "../messages/en/shell.ts";
import type { AccountRow } from "../types.ts";
import { DAY } from "../zone.ts";

const maybe = (value: number | null): string => (value === null ? NOTHING : count(value));
type Made = { id: string; accessKeyId: string; accessKeySecret: string };

function AccountDialog(props: { account: AccountRow | null; onClose: () => void; onMade: (made: Made) => void; onChanged: () => void }): JSX.Element {
  const { account } = props;
  const [id, setId] = useState("");
  const [name, setName] = useState(account?.name ?? "");
  const [subscribed, setSubscribed] = useState(account?.subscribed ?? true);
  const [calls, setCalls] = useState(!account?.callsPerSecond ? "" : String(account.callsPerSecond));
  const act = useAct();
  const save = (event: Event): void => {
    event.preventDefault();
    if (account) void act.run(() => call("PATCH", `accounts/${encodeURIComponent(account.id)}`, { name, subscribed, callsPerSecond: Number(calls) }), props.onChanged);
    else void act.run(() => call<Made>("POST", "accounts", { name, ...(id ? { id } : {}) }), props.onMade);
  };
  return (
    <Dialog title={account ? m.editTitle(account.id) : m.add} onClose={props.onClose}>
      <form class="stack" onSubmit={save}>
        <Text label={m.name} value={name} onValue={setName} required autoFocus />
        {account ? (
          <>
            <Text label={m.calls} hint={m.callsHint} value={calls} onValue={setCalls} inputMode="numeric" pattern="[0-9]{0,6}" />
            <Check label={m.subscribe} checked={subscribed} onChecked={setSubscribed} />
          </>
        ) : (
          <Text label={m.newId} hint={m.newIdHint} mono value={id} onValue={setId} pattern="[0-9]*" />
        )}
        <Failed error={act.error} />
        <div class="dialog-foot">
          <button type="button" class="button" onClick={props.onClose}>
            {shell.cancel}
          </button>
          <button type="submit" class="button primary" disabled={act.busy}>
            {shell.save}
          </button>
        </div>
      </form>
    </Dialog>
  );
}

export default function AccountsPage(): JSX.Element {
  const accounts = useLoad("accounts", (signal) => get<{ accounts: AccountRow[] }>("accounts", signal));
  const [editing, setEditing] = useState<AccountRow | "new" | null>(null);
  const [made, setMade] = useState<Made | null>(null);
  const columns: Column<AccountRow>[] = [
    { key: "id", title: m.id, cell: (row) => <code>{row.id}</code>, by: (row) => row.id, upFirst: true },
    { key: "name", title: m.name, cell: (row) => <span class="clip">{row.name}</span>, by: (row) => row.name, upFirst: true },
    { key: "subscribed", title: m.subscribed, cell: (row) => <span class={`state ${row.subscribed ? "ok" : "warn"}`}>{row.subscribed ? m.yes : m.no}</span> },
    { key: "calls", title: m.calls, cell: (row) => (!row.callsPerSecond ? <span class="quiet">{m.byDefault}</span> : count(row.callsPerSecond)), number: true },
    { key: "spaces", title: m.spaces, cell: (row) => count(row.spaces), by: (row) => row.spaces, number: true },
    { key: "numbers", title: m.numbers, cell: (row) => count(row.numbers), by: (row) => row.numbers, number: true },
    { key: "users", title: m.users, cell: (row) => count(row.users), by: (row) => row.users, number: true },
    { key: "sent", title: m.sent, cell: (row) => maybe(row.sent31d), by: (row) => row.sent31d ?? -1, number: true },
    { key: "delivered", title: m.delivered, cell: (row) => maybe(row.delivered31d), by: (row) => row.delivered31d ?? -1, number: true },
    {
      key: "actions",
      title: m.actions,
      actions: true,
      cell: (row) => (
        <button type="button" class="button slim" aria-label={`${m.edit} ${row.id}`} onClick={() => setEditing(row)}>
          {m.edit}
        </button>
      ),
    },
  ];
  const close = (): void => {
    setEditing(null);
    accounts.reload();
  };
  const end = now();
  const actions = (
    <>
      <a class="button" download href={`/console/api/usage.csv${query({ start: end - 31 * DAY, end })}`}>
        {m.usage}
      </a>
      <button type="button" class="button primary" onClick={() => setEditing("new")}>
        {m.add}
      </button>
    </>
  );
  return (
    <Frame title={shell.pages.accounts} lead={m.lead} actions={actions}>
      <div class="card">
        <Loaded of={accounts}>{(data) => <Table caption={shell.pages.accounts} columns={columns} rows={data.accounts} rowKey={(row) => row.id} sort={{ key: "sent", down: true }} />}</Loaded>
      </div>
      {editing && (
        <AccountDialog
          account={editing === "new" ? null : editing}
          onClose={() => setEditing(null)}
          onChanged={close}
          onMade={(next) => {
            setMade(next);
            close();
          }}
        />
      )}
      {made && (
        <SecretOnce
          title={m.madeTitle}
          warning={m.madeWarning}
          values={[
            [m.accountId, made.id],
            [m.keyId, made.accessKeyId],
            [m.keySecret, made.accessKeySecret],
          ]}
          file={`${made.id}.csv`}
          done={m.done}
          onDone={() => setMade(null)}
        />
      )}
    </Frame>
  );
}
