// One's own account: the password and the sessions.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, get } from "../api.ts";
import { useAct } from "../components/act.ts";
import { Text } from "../components/field.tsx";
import { useLoad } from "../components/load.ts";
import { Failed, Loaded } from "../components/states.tsx";
import { Table } from "../components/table.tsx";
import type { Column } from "../components/table.tsx";
import { toast } from "../components/toast.tsx";
import { When } from "../components/when.tsx";
import { Frame } from "../lazy.tsx";
import { account as m } from "../messages/en/operator.ts";
import { shell } from "../messages/en/shell.ts";
import type { AccountState } from "../types.ts";
import { NewPassword } from "./new_password.tsx";

type Row = AccountState["sessions"][number];

function PasswordForm(props: { onChanged: () => void }): JSX.Element {
  const [old, setOld] = useState("");
  const [password, setPassword] = useState<string | null>(null);
  const [turn, setTurn] = useState(0);
  const act = useAct();
  const change = (event: Event): void => {
    event.preventDefault();
    void act.run(
      () => call("POST", "account/password", { old, new: password }),
      () => {
        toast(m.changed);
        setOld("");
        setPassword(null);
        setTurn(turn + 1);
        props.onChanged();
      },
    );
  };
  return (
    <form class="card card-body stack" onSubmit={change}>
      <h2>{m.password}</h2>
      <Text label={m.old} type="password" value={old} onValue={setOld} autocomplete="current-password" required />
      <NewPassword key={turn} onPassword={setPassword} />
      <Failed error={act.error} />
      <div class="row">
        <button type="submit" class="button primary" disabled={act.busy || password === null || old === ""}>
          {m.change}
        </button>
      </div>
    </form>
  );
}

export default function AccountPage(): JSX.Element {
  const state = useLoad("account", (signal) => get<AccountState>("account", signal));
  const act = useAct();
  const end = (id: string): void =>
    void act.run(
      () => call("DELETE", `account/sessions/${encodeURIComponent(id)}`),
      () => {
        toast(m.ended);
        state.reload();
      },
    );
  const columns: Column<Row>[] = [
    { key: "agent", title: m.agent, cell: (row) => <span class="clip">{row.agent}</span> },
    { key: "address", title: m.address, cell: (row) => <span class="mono">{row.address}</span> },
    { key: "since", title: m.since, cell: (row) => <When ms={row.createdMs} />, by: (row) => row.createdMs },
    { key: "used", title: m.used, cell: (row) => <When ms={row.usedMs} />, by: (row) => row.usedMs },
    {
      key: "actions",
      title: m.actions,
      actions: true,
      cell: (row) =>
        row.current ? (
          <span class="chip">{m.current}</span>
        ) : (
          <button type="button" class="button slim" disabled={act.busy} onClick={() => end(row.id)}>
            {m.end}
          </button>
        ),
    },
  ];
  return (
    <Frame title={shell.pages.account} lead={m.lead}>
      <Loaded of={state}>
        {(data) => (
          <>
            <section class="card">
              <div class="card-head">
                <h2>{m.sessions}</h2>
                <span class="quiet">
                  {data.user} · {data.account.name || data.account.id}
                </span>
              </div>
              <Table caption={m.sessions} columns={columns} rows={data.sessions} rowKey={(row) => row.id} sort={{ key: "used", down: true }} />
            </section>
            <Failed error={act.error} />
            <div class="form">
              <PasswordForm onChanged={state.reload} />
            </div>
          </>
        )}
      </Loaded>
    </Frame>
  );
}
