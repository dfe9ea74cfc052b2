//! Ram 2015-05-01: users, groups, AccessKeys, policies and roles of the caller's
//! account.
//!
//! Reading order: this file (the table), `input` and `names` (parameters), `prepared`
//! (what rights a call needs, and what it does), `run`, `view`, `refusal`, `fields`
//! and `body` (answers), one file an operation. Not here: the rules of identities,
//! which are the directory's.
//!
//! Invariant: an operation reads and changes the caller's own account only.

mod add_user_to_group;
mod attach_policy;
mod body;
mod create_access_key;
mod create_group;
mod create_policy;
mod create_policy_version;
mod create_role;
mod create_user;
mod decode_diagnostic_message;
mod delete_access_key;
mod delete_group;
mod delete_policy;
mod delete_policy_version;
mod delete_role;
mod delete_user;
mod detach_policy;
mod errors;
mod fields;
mod get_access_key_last_used;
mod get_group;
mod get_policy;
mod get_policy_version;
mod get_role;
mod get_user;
mod input;
mod list_access_keys;
mod list_entities_for_policy;
mod list_groups;
mod list_groups_for_user;
mod list_policies;
mod list_policies_for;
mod list_policy_versions;
mod list_roles;
mod list_users;
mod list_users_for_group;
mod names;
mod page;
mod parameters;
mod prepared;
mod refusal;
mod remove_user_from_group;
mod run;
mod set_default_policy_version;
mod update_access_key;
mod update_group;
mod update_role;
mod update_user;
mod view;

use crate::api::spec::OperationSpec;
use chatmetric_rpc::ApiError;

pub(super) use input::Input;
use prepared::Prepared;
pub(super) use run::{RamCall, run};

/// Calls a second of an account and an operation that reads.
const READS_PER_SECOND: u32 = 50;
/// Calls a second of an account and an operation that changes something: each is
/// synced to the disk.
const CHANGES_PER_SECOND: u32 = 20;

/// One line an operation: its name, what it is, how its call is read.
macro_rules! operations {
    ($($name:ident: $spec:path, $prepare:path;)*) => {
        /// The operations of RAM.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[expect(missing_docs, reason = "each has a description in its `OperationSpec`")]
        pub enum RamAction {
            $($name,)*
        }

        impl RamAction {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name,)*];

            /// What it is.
            #[must_use]
            pub const fn spec(self) -> &'static OperationSpec {
                match self {
                    $(Self::$name => &$spec,)*
                }
            }

            /// Reads a call's parameters.
            ///
            /// # Errors
            /// What is wrong with them.
            pub(super) fn prepare(self, input: &Input<'_>) -> Result<Prepared, ApiError> {
                match self {
                    $(Self::$name => $prepare(input),)*
                }
            }
        }
    };
}

operations! {
    DecodeDiagnosticMessage: decode_diagnostic_message::SPEC, decode_diagnostic_message::prepare;
    CreateUser: create_user::SPEC, create_user::prepare;
    GetUser: get_user::SPEC, get_user::prepare;
    ListUsers: list_users::SPEC, list_users::prepare;
    UpdateUser: update_user::SPEC, update_user::prepare;
    DeleteUser: delete_user::SPEC, delete_user::prepare;
    CreateGroup: create_group::SPEC, create_group::prepare;
    GetGroup: get_group::SPEC, get_group::prepare;
    ListGroups: list_groups::SPEC, list_groups::prepare;
    UpdateGroup: update_group::SPEC, update_group::prepare;
    DeleteGroup: delete_group::SPEC, delete_group::prepare;
    AddUserToGroup: add_user_to_group::SPEC, add_user_to_group::prepare;
    RemoveUserFromGroup: remove_user_from_group::SPEC, remove_user_from_group::prepare;
    ListGroupsForUser: list_groups_for_user::SPEC, list_groups_for_user::prepare;
    ListUsersForGroup: list_users_for_group::SPEC, list_users_for_group::prepare;
    CreateAccessKey: create_access_key::SPEC, create_access_key::prepare;
    ListAccessKeys: list_access_keys::SPEC, list_access_keys::prepare;
    UpdateAccessKey: update_access_key::SPEC, update_access_key::prepare;
    DeleteAccessKey: delete_access_key::SPEC, delete_access_key::prepare;
    GetAccessKeyLastUsed: get_access_key_last_used::SPEC, get_access_key_last_used::prepare;
    CreatePolicy: create_policy::SPEC, create_policy::prepare;
    GetPolicy: get_policy::SPEC, get_policy::prepare;
    ListPolicies: list_policies::SPEC, list_policies::prepare;
    DeletePolicy: delete_policy::SPEC, delete_policy::prepare;
    CreatePolicyVersion: create_policy_version::SPEC, create_policy_version::prepare;
    GetPolicyVersion: get_policy_version::SPEC, get_policy_version::prepare;
    ListPolicyVersions: list_policy_versions::SPEC, list_policy_versions::prepare;
    DeletePolicyVersion: delete_policy_version::SPEC, delete_policy_version::prepare;
    SetDefaultPolicyVersion: set_default_policy_version::SPEC, set_default_policy_version::prepare;
    AttachPolicyToUser: attach_policy::USER, attach_policy::prepare_for_user;
    AttachPolicyToGroup: attach_policy::GROUP, attach_policy::prepare_for_group;
    AttachPolicyToRole: attach_policy::ROLE, attach_policy::prepare_for_role;
    DetachPolicyFromUser: detach_policy::USER, detach_policy::prepare_for_user;
    DetachPolicyFromGroup: detach_policy::GROUP, detach_policy::prepare_for_group;
    DetachPolicyFromRole: detach_policy::ROLE, detach_policy::prepare_for_role;
    ListPoliciesForUser: list_policies_for::USER, list_policies_for::prepare_for_user;
    ListPoliciesForGroup: list_policies_for::GROUP, list_policies_for::prepare_for_group;
    ListPoliciesForRole: list_policies_for::ROLE, list_policies_for::prepare_for_role;
    ListEntitiesForPolicy: list_entities_for_policy::SPEC, list_entities_for_policy::prepare;
    CreateRole: create_role::SPEC, create_role::prepare;
    GetRole: get_role::SPEC, get_role::prepare;
    ListRoles: list_roles::SPEC, list_roles::prepare;
    UpdateRole: update_role::SPEC, update_role::prepare;
    DeleteRole: delete_role::SPEC, delete_role::prepare;
}
