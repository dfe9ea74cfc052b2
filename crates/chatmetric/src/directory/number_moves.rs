//! Numbers that go from one space to another, or to nobody.
//!
//! What was counted stays with the space that counted it, and messages that were seen
//! before the move go on there (`store`): nothing is counted again. Not here: numbers
//! that are bound on first sight (`rows::bind`).

use chatmetric_core::{EpochMs, PhoneNumber};
use chatmetric_rpc::credential::AccountId;

use super::Directory;
use super::identity::Actor;
use super::model::CustSpaceId;
use super::resources::{ResourceError, ResourceField, ResourceKind, invalid, not_found};
use super::state::State;

impl Directory {
    /// Moves a number from the space that has it to another one, both of one account or, for
    /// an operator, of whatever account; `None` is nobody. Tells the space before.
    ///
    /// # Errors
    /// [`ResourceError::NotFound`] for a number that no such space has, and for the space.
    pub fn move_number(
        &self,
        number: PhoneNumber,
        to: Option<&str>,
        within: Option<&AccountId>,
        actor: &Actor,
        now: EpochMs,
    ) -> Result<CustSpaceId, ResourceError> {
        let action = match to {
            Some(_) => "MoveNumber",
            None => "ReleaseNumber",
        };
        self.change_resources(action, actor, now, |state, _| {
            let from = owner_of(state, &number, within);
            let from = from.ok_or_else(|| not_found(ResourceKind::Number, &number.to_string()))?;
            if to == Some(from.as_str()) {
                let reason = format!("the space `{from}` has the number already");
                return Err(invalid(ResourceField::Space, reason));
            }
            let accounts = state.accounts.values_mut();
            for (id, space) in accounts.flat_map(|account| account.spaces.iter_mut()) {
                if *id == from {
                    space.numbers.remove(&number);
                }
            }
            let Some(to) = to else { return Ok(from) };
            let mut accounts = state.accounts.iter_mut();
            let space = accounts.find_map(|(id, account)| {
                let space = account.spaces.get_mut(to);
                space.filter(|_| within.is_none_or(|within| within == id))
            });
            let space = space.ok_or_else(|| not_found(ResourceKind::Space, to))?;
            space.numbers.insert(number);
            Ok(from)
        })
    }
}

fn owner_of(
    state: &State,
    number: &PhoneNumber,
    within: Option<&AccountId>,
) -> Option<CustSpaceId> {
    let accounts = state.accounts.iter();
    let accounts = accounts.filter(|(id, _)| within.is_none_or(|within| within == *id));
    let mut spaces = accounts.flat_map(|(_, account)| &account.spaces);
    spaces
        .find(|(_, space)| space.numbers.contains(number))
        .map(|(id, _)| id.clone())
}
