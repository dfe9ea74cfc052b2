//! Spaces of accounts.

use super::query::{Query, account_of};
use super::{Desk, OperatorError, done};
use crate::directory::{NewSpace, SpaceChanges, UnknownNumbers};
use serde::Deserialize;
use serde_json::{Value, json};

pub(super) fn list(desk: &Desk<'_>, query: &Query<'_>) -> Result<Value, OperatorError> {
    let snapshot = desk.directory.snapshot();
    let account = query.account(&snapshot)?;
    let asked = snapshot.spaces().filter(|space| {
        let account = account.as_ref();
        account.is_none_or(|account| space.account.key == account.key)
    });
    let spaces = asked.map(|space| (space.id.to_string(), space));
    query.page("spaces", spaces, |space| {
        json!({
            "id": space.id.as_str(),
            "account": space.account.id.as_str(),
            "isDefault": space.is_default,
            "timeZone": space.zone.name(),
            "unknownNumbers": space.unknown_numbers.as_str(),
            "numbersMax": space.numbers_max,
            "numbers": snapshot.numbers_count(space.key),
        })
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct New {
    account: String,
    id: String,
    time_zone: Option<String>,
    unknown_numbers: Option<String>,
    numbers_max: Option<u32>,
}

pub(super) fn create(desk: &Desk<'_>, new: New) -> Result<Value, OperatorError> {
    let account = account_of(&desk.directory.snapshot(), &new.account)?;
    let values = Changes {
        time_zone: new.time_zone,
        unknown_numbers: new.unknown_numbers,
        numbers_max: new.numbers_max,
    };
    let space = NewSpace {
        id: new.id,
        values: values.read()?,
    };
    let now = desk.clock.now();
    desk.directory
        .create_space(&account.id, &space, &desk.actor, now)?;
    Ok(json!({ "id": space.id }))
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub(super) struct Changes {
    time_zone: Option<String>,
    unknown_numbers: Option<String>,
    numbers_max: Option<u32>,
}

impl Changes {
    fn read(self) -> Result<SpaceChanges, OperatorError> {
        let read = |word: &str| {
            let reason = "it is `auto` or `hold`";
            UnknownNumbers::parse(word)
                .ok_or_else(|| OperatorError::invalid("unknownNumbers", reason))
        };
        Ok(SpaceChanges {
            time_zone: self.time_zone,
            unknown_numbers: self.unknown_numbers.as_deref().map(read).transpose()?,
            numbers_max: self.numbers_max,
        })
    }
}

pub(super) fn update(desk: &Desk<'_>, id: &str, changes: Changes) -> Result<Value, OperatorError> {
    let snapshot = desk.directory.snapshot();
    let missing = || OperatorError::NotFound(format!("there is no space `{id}`"));
    let account = &snapshot.space(id).ok_or_else(missing)?.account.id;
    let now = desk.clock.now();
    desk.directory
        .update_space(account, id, &changes.read()?, &desk.actor, now)?;
    Ok(done())
}
