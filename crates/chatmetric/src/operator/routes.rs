//! The calls of the operator API, for its description.
//!
//! Invariant: every route is served (tested).

use super::Verb;

/// A call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Route {
    /// What it does.
    pub verb: Verb,
    /// Its path below `/operator/v1/`, with names of parts in braces.
    pub path: &'static str,
    /// Its name in OpenAPI.
    pub id: &'static str,
    /// What it is for.
    pub summary: &'static str,
    /// Parameters of its query.
    pub query: &'static [&'static str],
    /// Members of its body; those with `?` may be absent.
    pub body: &'static [&'static str],
}

const fn route(
    verb: Verb,
    path: &'static str,
    id: &'static str,
    summary: &'static str,
    query: &'static [&'static str],
    body: &'static [&'static str],
) -> Route {
    Route {
        verb,
        path,
        id,
        summary,
        query,
        body,
    }
}

const PAGE: &[&str] = &["limit", "after"];
const OF_ACCOUNT: &[&str] = &["account", "limit", "after"];
const RANGE: &[&str] = &["start", "end", "account"];
const NONE: &[&str] = &[];

/// All calls.
#[rustfmt::skip]
pub const ROUTES: &[Route] = &[
    route(Verb::Get, "accounts", "listAccounts", "Accounts, by id", PAGE, NONE),
    route(Verb::Post, "accounts", "createAccount", "Make an account with a default space and a key of its owner, whose secret is told once", NONE, &["id?", "name"]),
    route(Verb::Patch, "accounts/{account}", "updateAccount", "Rename, suspend (`subscribed` false), resume or throttle an account", NONE, &["name?", "subscribed?", "callsPerSecond?"]),
    route(Verb::Get, "accounts/{account}/access-keys", "listAccessKeys", "Keys of the account's owner", NONE, NONE),
    route(Verb::Post, "accounts/{account}/access-keys", "createAccessKey", "Make a key of the owner, whose secret is told once", NONE, NONE),
    route(Verb::Patch, "accounts/{account}/access-keys/{key}", "updateAccessKey", "Switch a key of the owner on or off", NONE, &["status"]),
    route(Verb::Delete, "accounts/{account}/access-keys/{key}", "deleteAccessKey", "Delete a key of the owner", NONE, NONE),
    route(Verb::Get, "alerts", "listAlerts", "Alerts of the watch, the newest first; `state` is open, acknowledged or resolved", &["state", "account", "limit", "after"], NONE),
    route(Verb::Post, "alerts/{alert}/acknowledge", "acknowledgeAlert", "Say that somebody has taken notice of an alert that fires", NONE, &["note?"]),
    route(Verb::Get, "spaces", "listSpaces", "Spaces, by id", OF_ACCOUNT, NONE),
    route(Verb::Post, "spaces", "createSpace", "Make a space of an account", NONE, &["account", "id", "timeZone?", "unknownNumbers?", "numbersMax?"]),
    route(Verb::Patch, "spaces/{space}", "updateSpace", "Change a space", NONE, &["timeZone?", "unknownNumbers?", "numbersMax?"]),
    route(Verb::Get, "grants", "listGrants", "Grants of ISVs, by code", OF_ACCOUNT, NONE),
    route(Verb::Post, "grants", "createGrant", "Let an account ask about spaces of another one; tells the IsvCode", NONE, &["isv", "account", "users?", "spaces"]),
    route(Verb::Delete, "grants/{code}/{account}", "deleteGrant", "Take a grant back", NONE, NONE),
    route(Verb::Get, "numbers", "listNumbers", "Numbers that spaces have, by number", &["space", "account", "limit", "after"], NONE),
    route(Verb::Get, "numbers/{number}/explanation", "explainNumber", "What made a count: the shares of its sources, and what came after the bucket was over; `bucket` is a day (YYYY-MM-DD) of the space's zone or a time in ms", &["bucket", "granularity", "space"], NONE),
    route(Verb::Post, "numbers", "bindNumbers", "Bind numbers that nobody has to a space", NONE, &["space", "numbers"]),
    route(Verb::Patch, "numbers/{number}", "moveNumber", "Move a number to another space", NONE, &["space"]),
    route(Verb::Delete, "numbers/{number}", "releaseNumber", "Take a number from its space; its counts stay there", NONE, NONE),
    route(Verb::Get, "webhooks", "listWebhooks", "Webhooks, by id", OF_ACCOUNT, NONE),
    route(Verb::Post, "webhooks", "createWebhook", "Make a webhook; secrets that are made here are told once", NONE, &["account", "id", "kind", "space?", "appSecret?"]),
    route(Verb::Patch, "webhooks/{webhook}", "updateWebhook", "Rotate secrets of a webhook, or name another space", NONE, &["addAppSecret?", "dropOldAppSecret?", "newVerifyToken?", "newToken?", "space?"]),
    route(Verb::Delete, "webhooks/{webhook}", "deleteWebhook", "Take a webhook away; its books stay", NONE, NONE),
    route(Verb::Post, "events", "loadEvents", "Load events into a space, as `import` does; each is [channel, number, message id, status, ms]", NONE, &["space", "events", "ignored?"]),
    route(Verb::Post, "erase", "erase", "Take out sealed bodies that have a message id or a recipient; counts stay", NONE, &["messageId?", "recipient?", "account?", "dryRun?"]),
    route(Verb::Post, "backup", "backup", "A backup as a stream, for `chatmetric backup --endpoint`; `have` is what is there already: objects with `identity`, `bytes` and maybe `sha256`", NONE, &["have"]),
    route(Verb::Post, "policies/simulate", "simulatePolicy", "What RAM would say to a call that nobody made", NONE, &["account?", "user", "action", "resource?", "context?"]),
    route(Verb::Get, "usage", "usage", "What every space counted, in whole days of its zone", RANGE, NONE),
    route(Verb::Get, "usage.csv", "usageCsv", "The same as CSV", RANGE, NONE),
];
