// The Access page: its tabs are pages of their own.
import type { JSX } from "preact";
import { LinkTabs } from "../../components/link_tabs.tsx";
import { Frame } from "../../lazy.tsx";
import type { PageProps } from "../../lazy.tsx";
import { access as m } from "../../messages/en/access.ts";
import { shell } from "../../messages/en/shell.ts";
import { GrantsTab } from "./grants.tsx";
import { GroupsTab } from "./groups.tsx";
import { KeysTab } from "./keys.tsx";
import { PoliciesTab } from "./policies.tsx";
import { RolesTab } from "./roles.tsx";
import { UsersTab } from "./users.tsx";

const PANELS: Record<string, () => JSX.Element> = { users: UsersTab, groups: GroupsTab, keys: KeysTab, policies: PoliciesTab, roles: RolesTab, isv: GrantsTab };
const TABS = Object.entries(m.tabs).map(([key, title]) => ({ key, title, href: `/console/access/${key}` }));

export default function AccessPage(props: PageProps): JSX.Element {
  const tab = props.place.parts[1] ?? "users";
  const Panel = PANELS[tab] ?? UsersTab;
  return (
    <Frame title={shell.pages.access} lead={m.lead}>
      <LinkTabs label={shell.pages.access} tabs={TABS} value={tab} />
      <Panel key={tab} />
    </Frame>
  );
}
