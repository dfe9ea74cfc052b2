//! Spaces that the user may look at, and spaces of the account that are made or changed.

use super::ask::{Ask, Query, answer_of, done};
use super::error::{ConsoleError, of_tenancy};
use super::rights::{Right, SignedIn};
use super::work;
use crate::api::tenancy::{self, Asked, Caller};
use crate::directory::{NewSpace, Space, SpaceChanges, UnknownNumbers};
use crate::server::answer::Answer;
use hyper::body::Incoming;
use serde::Deserialize;
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// Most spaces in one answer.
pub(super) const SPACES_MAX: usize = 10_000;

/// The space that a call names, if the user may look at it: the same judgement as the
/// API's.
///
/// # Errors
/// [`ConsoleError::NotFound`] for one that is not there and for one of others.
pub(super) fn named(who: &SignedIn, query: &Query) -> Result<Arc<Space>, ConsoleError> {
    let principal = who.principal();
    let caller = Caller {
        account: &who.account,
        principal: &principal,
    };
    let asked = Asked {
        isv_code: query.get("isv"),
        cust_space_id: query.get("space"),
    };
    let space = tenancy::space(&who.snapshot, caller, asked);
    space.map(Arc::clone).map_err(|error| of_tenancy(&error))
}

/// A space of the own account.
///
/// # Errors
/// [`ConsoleError::NotFound`]
pub(super) fn own(who: &SignedIn, id: &str) -> Result<Arc<Space>, ConsoleError> {
    let space = who.snapshot.space(id);
    let space = space.filter(|space| space.account.key == who.account.key);
    space.map(Arc::clone).ok_or(ConsoleError::NotFound)
}

/// `GET spaces`
pub(super) fn list(ask: &Ask<'_>, who: &SignedIn) -> Result<Answer, ConsoleError> {
    who.require_any(ask, Right::ReadCounts, Right::ReadDirectory)?;
    let snapshot = &who.snapshot;
    let mut own: Vec<_> = snapshot
        .spaces()
        .filter(|space| space.account.key == who.account.key)
        .collect();
    own.sort_by(|a, b| (!a.is_default, &a.id).cmp(&(!b.is_default, &b.id)));
    let own = own.into_iter().map(|space| space_json(who, space, None));
    let principal = who.principal();
    let mut granted = BTreeSet::new();
    for grant in snapshot.all_grants() {
        if grant.isv.key != who.account.key && grant.admits(&who.account.id, &principal) {
            let spaces = grant
                .spaces
                .iter()
                .filter_map(|key| snapshot.space_by_key(*key));
            granted.extend(spaces.map(|space| (space.id.clone(), grant.code.clone())));
        }
    }
    let granted = granted.iter().filter_map(|(id, code)| {
        let space = snapshot.space(id.as_str())?;
        Some(space_json(who, space, Some(code)))
    });
    let spaces: Vec<_> = own.chain(granted).take(SPACES_MAX).collect();
    answer_of(&json!({ "spaces": spaces }))
}

fn space_json(who: &SignedIn, space: &Space, isv_code: Option<&str>) -> Value {
    json!({
        "id": space.id.as_str(),
        "default": space.is_default && isv_code.is_none(),
        "timeZone": space.zone.name(),
        "unknownNumbers": space.unknown_numbers.as_str(),
        "numbersMax": space.numbers_max,
        "numbers": who.snapshot.numbers_count(space.key),
        "isvCode": isv_code,
        "owner": { "id": space.account.id.as_str(), "name": space.account.name },
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Values {
    id: Option<String>,
    time_zone: Option<String>,
    unknown_numbers: Option<String>,
    numbers_max: Option<u32>,
}

impl Values {
    fn changes(self) -> Result<SpaceChanges, ConsoleError> {
        let read = |word: &str| {
            let reason = "It is `auto` or `hold`.";
            UnknownNumbers::parse(word)
                .ok_or_else(|| ConsoleError::invalid("unknownNumbers", reason))
        };
        let unknown_numbers = self.unknown_numbers.as_deref().map(read).transpose()?;
        Ok(SpaceChanges {
            time_zone: self.time_zone,
            unknown_numbers,
            numbers_max: self.numbers_max,
        })
    }
}

/// `POST spaces`
pub(super) async fn create(
    ask: &Ask<'_>,
    who: &SignedIn,
    body: Incoming,
) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ChangeSpaces)?;
    let mut values: Values = ask.json(body).await?;
    let id = values.id.take().unwrap_or_default();
    let values = values.changes()?;
    let new = NewSpace { id, values };
    let (account, actor, now) = (who.account.id.clone(), who.actor(ask), ask.now());
    work::change(ask.app, move |app| {
        Ok(app.directory.create_space(&account, &new, &actor, now)?)
    })
    .await?;
    Ok(done())
}

/// `PATCH spaces/{id}`
pub(super) async fn update(
    ask: &Ask<'_>,
    who: &SignedIn,
    id: &str,
    body: Incoming,
) -> Result<Answer, ConsoleError> {
    who.require(ask, Right::ChangeSpaces)?;
    let values: Values = ask.json(body).await?;
    if values.id.as_deref().is_some_and(|other| other != id) {
        return Err(ConsoleError::invalid("id", "A space keeps its id."));
    }
    let changes = values.changes()?;
    let (account, actor, now) = (who.account.id.clone(), who.actor(ask), ask.now());
    let id = id.to_owned();
    work::change(ask.app, move |app| {
        Ok(app
            .directory
            .update_space(&account, &id, &changes, &actor, now)?)
    })
    .await?;
    Ok(done())
}
