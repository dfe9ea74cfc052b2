// Groups: users who share policies.
import type { JSX } from "preact";
import { useState } from "preact/hooks";
import { Dialog } from "../../components/dialog.tsx";
import { Text } from "../../components/field.tsx";
import { useLoad } from "../../components/load.ts";
import type { Column } from "../../components/table.tsx";
import { When } from "../../components/when.tsx";
import { access as m } from "../../messages/en/access.ts";
import { ram, ramList } from "../../ram.ts";
import { DeleteButton, Details, FormDialog, List, Members, Policies, mapped } from "./parts.tsx";
import { dateMs } from "./ram_types.ts";
import type { RamGroup, RamUser } from "./ram_types.ts";

function GroupDialog(props: { group: RamGroup; onClose: () => void; onChanged: () => void }): JSX.Element {
  const who = { GroupName: props.group.GroupName };
  const members = useLoad(`members|${who.GroupName}`, async () => mapped(await ramList<RamUser>("ListUsersForGroup", "Users", "User", who), (one) => one.UserName));
  const all = useLoad("users", async () => mapped(await ramList<RamUser>("ListUsers", "Users", "User"), (one) => one.UserName));
  return (
    <Dialog title={props.group.GroupName} onClose={props.onClose}>
      <Details title={m.details} details={[{ key: "NewComments", label: m.comments, value: props.group.Comments ?? "" }]} save={(changed) => ram("UpdateGroup", { ...who, ...changed })} onDone={props.onChanged} />
      <Policies of="Group" name={who.GroupName} />
      <Members title={m.membersOf} empty={m.noneYet} items={members} candidates={all} addLabel={m.addMember} add={(user) => ram("AddUserToGroup", { ...who, UserName: user })} remove={(user) => ram("RemoveUserFromGroup", { ...who, UserName: user })} removeLabel={m.takeOut} />
    </Dialog>
  );
}

function NewGroup(props: { onClose: () => void; onDone: () => void }): JSX.Element {
  const [name, setName] = useState("");
  const [comments, setComments] = useState("");
  return (
    <FormDialog title={m.newGroup} action={m.create} submit={() => ram("CreateGroup", { GroupName: name, ...(comments ? { Comments: comments } : {}) })} onClose={props.onClose} onDone={props.onDone}>
      <Text label={m.name} hint={m.nameHint} value={name} onValue={setName} required autoFocus />
      <Text label={m.comments} value={comments} onValue={setComments} />
    </FormDialog>
  );
}

export function GroupsTab(): JSX.Element {
  const groups = useLoad("ram-groups", () => ramList<RamGroup>("ListGroups", "Groups", "Group"));
  const [opened, setOpened] = useState<RamGroup | null>(null);
  const [adding, setAdding] = useState(false);
  const columns: Column<RamGroup>[] = [
    { key: "name", title: m.name, cell: (row) => <button type="button" class="link" onClick={() => setOpened(row)}>{row.GroupName}</button>, by: (row) => row.GroupName, upFirst: true },
    { key: "comments", title: m.comments, cell: (row) => <span class="clip">{row.Comments}</span> },
    { key: "created", title: m.created, cell: (row) => <When ms={dateMs(row.CreateDate)} />, by: (row) => row.CreateDate },
    { key: "actions", title: m.actions, actions: true, cell: (row) => <DeleteButton name={row.GroupName} work={() => ram("DeleteGroup", { GroupName: row.GroupName })} onDone={groups.reload} /> },
  ];
  const add = (
    <button type="button" class="button primary" onClick={() => setAdding(true)}>
      {m.newGroup}
    </button>
  );
  return (
    <>
      <List of={groups} caption={m.tabs.groups} columns={columns} rowKey={(row) => row.GroupId} what={m.groupsOf} add={add} />
      {opened && <GroupDialog group={opened} onClose={() => setOpened(null)} onChanged={groups.reload} />}
      {adding && (
        <NewGroup
          onClose={() => setAdding(false)}
          onDone={() => {
            setAdding(false);
            groups.reload();
          }}
        />
      )}
    </>
  );
}
