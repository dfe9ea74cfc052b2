// Users: making them, their policies and groups, whether they may sign in to the console.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { call, get } from "../../api.ts";
import { useAct } from "../../components/act.ts";
import { Dialog, SecretOnce } from "../../components/dialog.tsx";
import { Check, Text } from "../../components/field.tsx";
import { useLoad } from "../../components/load.ts";
import { Failed, Loaded } from "../../components/states.tsx";
import type { Column } from "../../components/table.tsx";
import { When } from "../../components/when.tsx";
import { access as m } from "../../messages/en/access.ts";
import { ram, ramList } from "../../ram.ts";
import { DeleteButton, Details, FormDialog, List, Members, Policies, mapped } from "./parts.tsx";
import { dateMs } from "./ram_types.ts";
import type { RamGroup, RamUser } from "./ram_types.ts";

interface ConsoleState {
  console: boolean;
  password: boolean;
  lastSignInMs: number | null;
}

function ConsoleAccess(props: { user: string }): JSX.Element {
  const path = `users/${encodeURIComponent(props.user)}`;
  const state = useLoad(path, (signal) => get<ConsoleState>(`${path}/console`, signal));
  const [token, setToken] = useState<{ token: string; url: string } | null>(null);
  const act = useAct();
  return (
    <section class="stack tight">
      <h3>{m.console}</h3>
      <Loaded of={state} height={60}>
        {(data) => (
          <>
            <Check label={m.consoleOn} checked={data.console} disabled={act.busy} onChecked={(on) => void act.run(() => call("PUT", `${path}/console`, { console: on }), state.reload)} />
            <p class="quiet small">
              {data.password ? m.hasPassword : m.noPassword} · {m.lastSignIn} <When ms={data.lastSignInMs} />
            </p>
            <div class="row">
              <button type="button" class="button slim" disabled={act.busy || !data.console} onClick={() => void act.run(() => call<{ token: string; url: string }>("POST", `${path}/setup-token`), setToken)}>
                {m.makeToken}
              </button>
            </div>
          </>
        )}
      </Loaded>
      <Failed error={act.error} />
      {token && (
        <SecretOnce
          title={m.tokenTitle}
          warning={m.tokenWarning}
          values={[
            [m.tokenLink, token.url],
            [m.token, token.token],
          ]}
          file={`${props.user}-token.csv`}
          done={m.done}
          onDone={() => setToken(null)}
        />
      )}
    </section>
  );
}

function UserDialog(props: { user: RamUser; onClose: () => void; onChanged: () => void }): JSX.Element {
  const who = { UserName: props.user.UserName };
  const groups = useLoad(`groups-of|${who.UserName}`, async () => mapped(await ramList<RamGroup>("ListGroupsForUser", "Groups", "Group", who), (one) => one.GroupName));
  const all = useLoad("groups", async () => mapped(await ramList<RamGroup>("ListGroups", "Groups", "Group"), (one) => one.GroupName));
  return (
    <Dialog title={props.user.UserName} onClose={props.onClose}>
      <Details
        title={m.details}
        details={[
          { key: "NewDisplayName", label: m.displayName, value: props.user.DisplayName ?? "" },
          { key: "NewComments", label: m.comments, value: props.user.Comments ?? "" },
        ]}
        save={(changed) => ram("UpdateUser", { ...who, ...changed })}
        onDone={props.onChanged}
      />
      <Policies of="User" name={who.UserName} />
      <Members title={m.groupsOf} empty={m.noneYet} items={groups} candidates={all} addLabel={m.addGroup} add={(group) => ram("AddUserToGroup", { ...who, GroupName: group })} remove={(group) => ram("RemoveUserFromGroup", { ...who, GroupName: group })} removeLabel={m.takeOut} />
      <ConsoleAccess user={who.UserName} />
    </Dialog>
  );
}

function NewUser(props: { onClose: () => void; onDone: () => void }): JSX.Element {
  const [name, setName] = useState("");
  const [display, setDisplay] = useState("");
  const [comments, setComments] = useState("");
  const submit = () => ram("CreateUser", { UserName: name, ...(display ? { DisplayName: display } : {}), ...(comments ? { Comments: comments } : {}) });
  return (
    <FormDialog title={m.newUser} action={m.create} submit={submit} onClose={props.onClose} onDone={props.onDone}>
      <Text label={m.name} hint={m.nameHint} value={name} onValue={setName} required autoFocus />
      <Text label={m.displayName} value={display} onValue={setDisplay} />
      <Text label={m.comments} value={comments} onValue={setComments} />
    </FormDialog>
  );
}

export function UsersTab(): JSX.Element {
  const users = useLoad("ram-users", () => ramList<RamUser>("ListUsers", "Users", "User"));
  const [opened, setOpened] = useState<RamUser | null>(null);
  const [adding, setAdding] = useState(false);
  const columns: Column<RamUser>[] = [
    { key: "name", title: m.name, cell: (row) => <button type="button" class="link" onClick={() => setOpened(row)}>{row.UserName}</button>, by: (row) => row.UserName, upFirst: true },
    { key: "display", title: m.displayName, cell: (row) => <span class="clip">{row.DisplayName}</span>, by: (row) => row.DisplayName, upFirst: true },
    { key: "comments", title: m.comments, cell: (row) => <span class="clip">{row.Comments}</span> },
    { key: "created", title: m.created, cell: (row) => <When ms={dateMs(row.CreateDate)} />, by: (row) => row.CreateDate },
    { key: "actions", title: m.actions, actions: true, cell: (row) => <DeleteButton name={row.UserName} work={() => ram("DeleteUser", { UserName: row.UserName })} onDone={users.reload} /> },
  ];
  const add = (
    <button type="button" class="button primary" onClick={() => setAdding(true)}>
      {m.newUser}
    </button>
  );
  return (
    <>
      <List of={users} caption={m.tabs.users} columns={columns} rowKey={(row) => row.UserId} what={m.userWhat} add={add} />
      {opened && <UserDialog user={opened} onClose={() => setOpened(null)} onChanged={users.reload} />}
      {adding && (
        <NewUser
          onClose={() => setAdding(false)}
          onDone={() => {
            setAdding(false);
            users.reload();
          }}
        />
      )}
    </>
  );
}
