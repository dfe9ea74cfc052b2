//! Tenancy: which space a call speaks of, and which numbers it may see.
//!
//! Pure: a function of one snapshot of the directory. What is foreign and what
//! does not exist are the same answer, found by the same look-ups.

use crate::directory::{Account, Principal, Snapshot, Space};
use chatmetric_core::PhoneNumber;
use chatmetric_rpc::ApiError;
use std::sync::Arc;

/// Who calls.
#[derive(Debug, Clone, Copy)]
pub struct Caller<'a> {
    /// The account of the key.
    pub account: &'a Account,
    /// Who of the account.
    pub principal: &'a Principal,
}

/// What the call names.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Asked<'a> {
    /// IsvCode; empty is absent.
    pub isv_code: Option<&'a str>,
    /// CustSpaceId; empty is absent.
    pub cust_space_id: Option<&'a str>,
}

/// The space that a call speaks of.
///
/// The IsvCode is judged first. A space of the caller's own account needs no
/// code; a space of another account needs the code of a grant that lists the
/// caller and the space; without CustSpaceId it is the account's default space.
///
/// # Errors
/// `Ram.PermissionDeny` for a code that is unknown or not the caller's,
/// `Unknown.ResourceOwnerId` for any space that the caller may not see.
pub fn space<'s>(
    snapshot: &'s Snapshot,
    caller: Caller<'_>,
    asked: Asked<'_>,
) -> Result<&'s Arc<Space>, ApiError> {
    let grants = asked.isv_code.map_or(&[][..], |code| snapshot.grants(code));
    let admits =
        |grant: &crate::directory::IsvGrant| grant.admits(&caller.account.id, caller.principal);
    if asked.isv_code.is_some() {
        let own = grants
            .iter()
            .any(|grant| grant.isv.key == caller.account.key);
        if !own && !grants.iter().any(|grant| admits(grant)) {
            return Err(ApiError::PermissionDeny { detail: None });
        }
    }
    let found = match asked.cust_space_id {
        None => snapshot.default_space(caller.account.key),
        Some(id) => snapshot.space(id).filter(|space| {
            let own = space.account.key == caller.account.key;
            let granted = grants.iter().any(|grant| {
                admits(grant)
                    && grant.isv.key == space.account.key
                    && grant.spaces.contains(&space.key)
            });
            own || granted
        }),
    };
    found.ok_or(ApiError::UnknownResourceOwner)
}

/// The numbers of a query: the one that is named, if the space has or had it, or
/// all that the space has or for which it ever counted something.
///
/// `counted` reads the numbers with counts, and is asked only when needed.
///
/// # Errors
/// `Unknown.ResourceOwnerId`, and what `counted` fails with.
pub fn numbers<E>(
    snapshot: &Snapshot,
    space: &Space,
    named: Option<PhoneNumber>,
    counted: impl FnOnce() -> Result<Vec<PhoneNumber>, E>,
) -> Result<Vec<PhoneNumber>, NumbersError<E>> {
    match named {
        Some(number) if snapshot.was_bound(space.key, &number) => Ok(vec![number]),
        Some(number) => {
            let counted = counted().map_err(NumbersError::Read)?;
            if counted.contains(&number) {
                Ok(vec![number])
            } else {
                Err(NumbersError::Foreign)
            }
        }
        None => {
            let mut numbers = counted().map_err(NumbersError::Read)?;
            numbers.extend(snapshot.numbers_of(space.key));
            numbers.sort_unstable();
            numbers.dedup();
            Ok(numbers)
        }
    }
}

/// Why there are no numbers.
#[derive(Debug)]
pub enum NumbersError<E> {
    /// Not a number of the space, or no number at all.
    Foreign,
    /// The counted numbers cannot be read.
    Read(E),
}
