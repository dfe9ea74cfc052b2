//! The limits of a directory: what a document may hold. Lenient where the
//! vendor's own limits differ between its pages, and finite everywhere.

/// Most accounts.
pub const ACCOUNTS_MAX: usize = 10_000;
/// Most users, groups, policies, roles, spaces, webhooks or grants that an
/// account lists, and most names in one list.
pub const ENTRIES_MAX: usize = 10_000;
/// Most AccessKeys that one document lists for one owner.
pub const KEYS_PER_OWNER_MAX: usize = 20;
/// Most numbers that a document lists for a space.
pub const NUMBERS_PER_SPACE_MAX: usize = 100_000;
/// Largest `numbers_max`.
pub const NUMBERS_MAX_MAX: u32 = 100_000;
/// Most numbers that an account does not own and holds events of.
pub const HELD_NUMBERS_MAX: usize = 100_000;
/// `numbers_max` of a space that says nothing.
pub const NUMBERS_MAX_DEFAULT: u32 = 1_000;
/// Largest `calls_per_second`: what is kept exactly.
pub const CALLS_PER_SECOND_MAX: u32 = chatmetric_rpc::throttle::CALLS_PER_WINDOW_MAX;
/// Longest account name, in characters.
pub const ACCOUNT_NAME_CHARS_MAX: usize = 128;
/// Longest name of a user, group, role, policy, webhook or IsvCode, in bytes.
pub const NAME_BYTES_MAX: usize = 128;
/// Longest secret, in bytes.
pub const SECRET_BYTES_MAX: usize = 512;
/// Most tokens of the operator API.
pub const OPERATOR_TOKENS_MAX: u32 = 100;
/// Shortest token of a CAMS or events webhook, in bytes.
pub const TOKEN_BYTES_MIN: usize = 8;
/// Most app secrets of a webhook: the old one and the new one.
pub const APP_SECRETS_MAX: usize = 2;
/// Shortest `max_session_seconds`.
pub const SESSION_SECONDS_MIN: u32 = 900;
/// Longest `max_session_seconds`.
pub const SESSION_SECONDS_MAX: u32 = 43_200;
/// `max_session_seconds` of a role that says nothing.
pub const SESSION_SECONDS_DEFAULT: u32 = 3_600;
/// Longest trust policy, in characters.
pub const TRUST_POLICY_CHARS_MAX: usize = chatmetric_rpc::ram::trust::TRUST_POLICY_CHARS_MAX;
/// Longest file of a `secret_file`, in bytes.
pub const SECRET_FILE_BYTES_MAX: u64 = 4096;
/// Most faults that are kept; a document with more shows the first ones.
pub const FAULTS_MAX: usize = 100;

// What changes one by one (the API, the console) may reach. A document may hold
// more: whoever writes documents is the operator.

/// Most RAM users of an account.
pub const USERS_PER_ACCOUNT_MAX: usize = 1_000;
/// Most groups of an account.
pub const GROUPS_PER_ACCOUNT_MAX: usize = 100;
/// Most groups that a user is in.
pub const GROUPS_PER_USER_MAX: usize = 50;
/// Most roles of an account.
pub const ROLES_PER_ACCOUNT_MAX: usize = 1_000;
/// Most policies of an account.
pub const POLICIES_PER_ACCOUNT_MAX: usize = 1_500;
/// Most versions that a policy keeps, also by documents.
pub const VERSIONS_PER_POLICY_MAX: usize = 5;
/// Most AccessKeys of a user, and of the owner of an account.
pub const KEYS_PER_IDENTITY_MAX: usize = 2;
/// Most policies attached to one user, group or role.
pub const POLICIES_PER_HOLDER_MAX: usize = 20;
/// Longest name of a user, group or role that is made, in bytes.
pub const IDENTITY_NAME_BYTES_MAX: usize = 64;
/// Longest name of a policy that is made, in bytes.
pub const POLICY_NAME_BYTES_MAX: usize = 128;
/// Longest display name, in characters.
pub const DISPLAY_NAME_CHARS_MAX: usize = 128;
/// Longest telephone number, in bytes.
pub const MOBILE_PHONE_BYTES_MAX: usize = 32;
/// Longest address, in bytes.
pub const EMAIL_BYTES_MAX: usize = 128;
/// Longest comments, in characters.
pub const COMMENTS_CHARS_MAX: usize = 128;
/// Longest description of a role or a policy, in characters.
pub const DESCRIPTION_CHARS_MAX: usize = 1_024;
/// The webhook id that nobody may take: the books of imported files have this name.
pub const RESERVED_WEBHOOK_ID: &str = "import";
