//! Reads the tree of a document into its parts, field by field, and collects
//! every fault on the way.
//!
//! Not here: anything that needs the directory. A part whose name is wrong is
//! dropped (nothing can be said about it); one whose other fields are wrong is
//! kept without them, and the document is refused in the end all the same.

use chatmetric_core::{PhoneNumber, Zone};
use chatmetric_rpc::credential::{AccessKeyId, AccountId, KeyStatus};

use super::doubles;
use super::fault::{FaultList, Faults};
use super::fields::{Fields, Reader, once};
use super::read_identities::{group, policy, role, user};
use super::secrets::DocumentSecrets;
use super::tree::{self, Lines};
use super::{
    AccountPart, DOCUMENT_BYTES_MAX, Document, Format, GrantPart, KeyPart, SpacePart, WebhookPart,
    WebhookWord,
};
use crate::directory::limits::{
    ACCOUNT_NAME_CHARS_MAX, ACCOUNTS_MAX, APP_SECRETS_MAX, CALLS_PER_SECOND_MAX, ENTRIES_MAX,
    KEYS_PER_OWNER_MAX, NAME_BYTES_MAX, NUMBERS_MAX_MAX, NUMBERS_PER_SPACE_MAX, SECRET_BYTES_MAX,
    TOKEN_BYTES_MIN,
};
use crate::directory::model::{CustSpaceId, UnknownNumbers};
use crate::directory::state::Secret;

pub(super) fn document(
    text: &str,
    format: Format,
    secrets: &dyn DocumentSecrets,
) -> Result<Document, Faults> {
    let lines = Lines::new(text);
    let mut faults = FaultList::default();
    if text.len() > DOCUMENT_BYTES_MAX {
        let place = lines.place(0, "");
        faults.add(
            &place,
            format!("the document is longer than {DOCUMENT_BYTES_MAX} bytes"),
        );
        std::mem::take(&mut faults).finish()?;
    }
    let tree = tree::parse(text, format, &lines, &mut faults);
    // A text that is not TOML or JSON has no fields to judge.
    std::mem::take(&mut faults).finish()?;
    let mut reader = Reader {
        lines: &lines,
        secrets,
        faults,
    };
    let place = lines.place(tree.offset, "");
    let mut accounts = Vec::new();
    if let Some(mut fields) = reader.table(tree, "") {
        accounts = fields.tables(&mut reader, "account", ACCOUNTS_MAX, account);
        fields.finish(&mut reader, "account");
    }
    doubles::find(&accounts, &mut reader.faults);
    reader.faults.finish()?;
    Ok(Document { accounts, place })
}

fn account(reader: &mut Reader<'_>, mut fields: Fields) -> Option<AccountPart> {
    let id = fields.required(reader, "id", |text| {
        AccountId::parse(text).map_err(|error| error.to_string())
    });
    let name = fields
        .parsed(reader, "name", account_name)
        .map(|at| at.value);
    let subscribed = fields.boolean(reader, "subscribed").map(|at| at.value);
    let calls_per_second = fields.integer(reader, "calls_per_second", 1, CALLS_PER_SECOND_MAX);
    let keys = keys(reader, &mut fields);
    let spaces = fields.tables(reader, "space", ENTRIES_MAX, space);
    let policies = fields.tables(reader, "policy", ENTRIES_MAX, policy);
    let users = fields.tables(reader, "user", ENTRIES_MAX, user);
    let groups = fields.tables(reader, "group", ENTRIES_MAX, group);
    let roles = fields.tables(reader, "role", ENTRIES_MAX, role);
    let grants = fields.tables(reader, "isv_grant", ENTRIES_MAX, grant);
    let webhooks = fields.tables(reader, "webhook", ENTRIES_MAX, webhook);
    fields.finish(
        reader,
        "id, name, subscribed, calls_per_second, access_key, space, policy, user, group, role, \
         isv_grant, webhook",
    );
    let id = id?;
    Some(AccountPart {
        id,
        name,
        subscribed,
        calls_per_second,
        keys,
        spaces,
        policies,
        users,
        groups,
        roles,
        grants,
        webhooks,
    })
}

pub(super) fn keys(reader: &mut Reader<'_>, fields: &mut Fields) -> Vec<KeyPart> {
    let keys = fields.tables(reader, "access_key", KEYS_PER_OWNER_MAX, access_key);
    for extra in keys.iter().filter(|key| key.id.is_none()).skip(1) {
        let message = "at most one key of an owner may be without `id`: it stands for the key \
                       that is made when the owner has none";
        reader.faults.add(&extra.place, message);
    }
    keys
}

fn access_key(reader: &mut Reader<'_>, mut fields: Fields) -> Option<KeyPart> {
    let place = fields.place(reader);
    let id_given = fields.has("id");
    let id = fields.parsed(reader, "id", access_key_id);
    let sources = ["secret", "secret_env", "secret_file"];
    if sources.iter().filter(|source| fields.has(source)).count() > 1 {
        reader.faults.add(
            &place,
            "give one of `secret`, `secret_env` and `secret_file`",
        );
    }
    let mut secret = fields.parsed(reader, "secret", |text| secret_text(text, 1));
    let lookup = reader.secrets;
    if let Some(found) = fields.parsed(reader, "secret_env", |name| {
        lookup.env(name).and_then(|text| secret_text(&text, 1))
    }) {
        secret = Some(found);
    }
    if let Some(found) = fields.parsed(reader, "secret_file", |path| {
        lookup.file(path).and_then(|text| secret_text(&text, 1))
    }) {
        secret = Some(found);
    }
    let status = fields
        .parsed(reader, "status", key_status)
        .map(|at| at.value);
    fields.finish(reader, "id, secret, secret_env, secret_file, status");
    if id_given && id.is_none() {
        return None;
    }
    Some(KeyPart {
        id,
        secret: secret.map(|at| at.value),
        status,
        place,
    })
}

fn space(reader: &mut Reader<'_>, mut fields: Fields) -> Option<SpacePart> {
    let id = fields.required(reader, "id", space_id);
    let is_default = fields.boolean(reader, "default");
    let time_zone = fields.parsed(reader, "time_zone", |text| {
        Zone::parse(text)
            .map(|zone| zone.name().to_owned())
            .map_err(|error| error.to_string())
    });
    let numbers = fields.list(reader, "numbers", NUMBERS_PER_SPACE_MAX, |text| {
        PhoneNumber::parse(text).map_err(|error| error.to_string())
    });
    let unknown_numbers = fields.parsed(reader, "unknown_numbers", |text| {
        UnknownNumbers::parse(text).ok_or_else(|| one_of(text, &["auto", "hold"]))
    });
    let numbers_max = fields.integer(reader, "numbers_max", 0, NUMBERS_MAX_MAX);
    fields.finish(
        reader,
        "id, default, time_zone, numbers, unknown_numbers, numbers_max",
    );
    Some(SpacePart {
        id: id?,
        is_default,
        time_zone: time_zone.map(|at| at.value),
        unknown_numbers: unknown_numbers.map(|at| at.value),
        numbers_max,
        numbers,
    })
}

fn grant(reader: &mut Reader<'_>, mut fields: Fields) -> Option<GrantPart> {
    let code = fields.required(reader, "code", |text| name("an IsvCode", text));
    let account = fields.required(reader, "account", |text| {
        AccountId::parse(text).map_err(|error| error.to_string())
    });
    let users = fields.list(reader, "users", ENTRIES_MAX, |text| {
        if text == "*" {
            Ok(text.to_owned())
        } else {
            name("a user name", text)
        }
    });
    let spaces = fields.list(reader, "spaces", ENTRIES_MAX, space_id);
    for list in users.iter() {
        once(
            reader,
            list.iter()
                .map(|entry| (entry.value.as_str(), &entry.place)),
        );
    }
    for list in spaces.iter() {
        once(
            reader,
            list.iter()
                .map(|entry| (entry.value.as_str(), &entry.place)),
        );
    }
    fields.finish(reader, "code, account, users, spaces");
    Some(GrantPart {
        code: code?,
        account: account?,
        users,
        spaces,
    })
}

fn webhook(reader: &mut Reader<'_>, mut fields: Fields) -> Option<WebhookPart> {
    let id = fields.required(reader, "id", |text| name("a webhook id", text));
    let kind = fields.parsed(reader, "kind", |text| {
        WebhookWord::ALL
            .into_iter()
            .find(|kind| kind.as_str() == text)
            .ok_or_else(|| one_of(text, &WebhookWord::ALL.map(WebhookWord::as_str)))
    });
    let space = fields.parsed(reader, "space", space_id);
    let app_secrets_place = fields.members.get("app_secrets").map(|member| {
        reader
            .lines
            .place(member.node.offset, fields.path_of("app_secrets"))
    });
    let app_secrets = fields.list(reader, "app_secrets", ENTRIES_MAX, |text| {
        secret_text(text, 1)
    });
    if let (Some(list), Some(place)) = (&app_secrets, &app_secrets_place)
        && !(1..=APP_SECRETS_MAX).contains(&list.len())
    {
        let message = format!("must have one or two secrets, not {}", list.len());
        reader.faults.add(place, message);
    }
    let verify_token = fields.parsed(reader, "verify_token", |text| secret_text(text, 1));
    let token = fields.parsed(reader, "token", token_text);
    fields.finish(reader, "id, kind, space, app_secrets, verify_token, token");
    Some(WebhookPart {
        id: id?,
        kind: kind.map(|at| at.value),
        space,
        app_secrets: app_secrets.map(|list| list.into_iter().map(|at| at.value).collect()),
        verify_token,
        token,
        app_secrets_place,
    })
}

fn one_of(text: &str, words: &[&str]) -> String {
    format!(
        "`{}` is not one of {}",
        text.escape_debug(),
        words.join(", ")
    )
}

fn account_name(text: &str) -> Result<String, String> {
    let chars = text.chars().count();
    if chars == 0 || chars > ACCOUNT_NAME_CHARS_MAX || text.chars().any(char::is_control) {
        return Err(format!(
            "an account name is 1 to {ACCOUNT_NAME_CHARS_MAX} characters without control characters"
        ));
    }
    Ok(text.to_owned())
}

fn access_key_id(text: &str) -> Result<AccessKeyId, String> {
    let id = AccessKeyId::parse(text).map_err(|error| error.to_string())?;
    if id.is_session() {
        return Err("ids that begin with `STS.` belong to temporary credentials".to_owned());
    }
    Ok(id)
}

fn space_id(text: &str) -> Result<CustSpaceId, String> {
    CustSpaceId::parse(text).map_err(|error| error.to_string())
}

fn key_status(text: &str) -> Result<KeyStatus, String> {
    KeyStatus::parse(text).ok_or_else(|| one_of(text, &["Active", "Inactive"]))
}

pub(super) fn name(what: &str, text: &str) -> Result<String, String> {
    let valid = (1..=NAME_BYTES_MAX).contains(&text.len())
        && text
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-' | b'@'));
    if valid {
        Ok(text.to_owned())
    } else {
        Err(format!(
            "{what} is 1 to {NAME_BYTES_MAX} letters, digits, `.`, `_`, `-` or `@`"
        ))
    }
}

fn secret_text(text: &str, bytes_min: usize) -> Result<Secret, String> {
    let valid =
        (bytes_min..=SECRET_BYTES_MAX).contains(&text.len()) && !text.chars().any(char::is_control);
    if valid {
        Ok(Secret::new(text))
    } else {
        Err(format!(
            "a secret is {bytes_min} to {SECRET_BYTES_MAX} bytes without control characters"
        ))
    }
}

/// A token may stand in a path, so only characters that no URL changes.
fn token_text(text: &str) -> Result<Secret, String> {
    let unreserved = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'.' | b'_' | b'~');
    if (TOKEN_BYTES_MIN..=SECRET_BYTES_MAX).contains(&text.len()) && text.bytes().all(unreserved) {
        Ok(Secret::new(text))
    } else {
        Err(format!(
            "a token is {TOKEN_BYTES_MIN} to {SECRET_BYTES_MAX} letters, digits, `-`, `.`, `_` or `~`"
        ))
    }
}
