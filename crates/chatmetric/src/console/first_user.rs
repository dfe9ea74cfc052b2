//! The first user of an installation: made with the setup token by a page, or at a start
//! with a password from a file, for machines that are set up by programs.
//!
//! Invariant: a password from a file is taken while nobody has one, and never again: who
//! can change the file later changes nothing.

use super::password::{self, PASSWORD_CHARS_MAX, PASSWORD_CHARS_MIN};
use crate::directory::{
    Actor, ChangeIdentitiesError, Directory, IdentityChange, IdentityError, IdentityId, NewUser,
    PolicyHolder, SignInError, UserChanges,
};
use crate::entropy::Entropy;
use chatmetric_core::EpochMs;
use chatmetric_rpc::credential::AccountId;

/// The policy of the first user.
const ADMINISTRATOR: &str = "ConsoleAdministrator";
/// What it says: everything.
const ADMINISTRATOR_DOCUMENT: &str =
    r#"{"Version":"1","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;

/// The name of the user that a file's password is for.
pub(crate) const USER_OF_FILE: &str = "admin";

/// Why a password from a file was not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FirstUserError {
    #[error(
        "a password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters, this one has {0}"
    )]
    Length(usize),
    #[error(
        "nobody knows whose account this installation is: `chatmetric admin setup-token USER` makes a token for a user"
    )]
    NoAccount,
    #[error("there is no memory for the hash of the password")]
    NoMemory,
    #[error("the user cannot be made")]
    Change(#[source] ChangeIdentitiesError),
    #[error("the password cannot be set")]
    SignIn(#[source] SignInError),
}

/// Makes the user [`USER_OF_FILE`] with this password unless the console is set up by
/// now; then `None`. The setup token does not work any more.
pub(crate) fn set_up(
    directory: &Directory,
    password: &str,
    now: EpochMs,
    entropy: &dyn Entropy,
) -> Result<Option<AccountId>, FirstUserError> {
    if directory
        .has_console_passwords()
        .map_err(|error| FirstUserError::SignIn(error.into()))?
    {
        return Ok(None);
    }
    let chars = password.chars().count();
    if !(PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&chars) {
        return Err(FirstUserError::Length(chars));
    }
    let renewed = directory.renew_setup_token(now);
    let renewed = renewed.map_err(FirstUserError::SignIn)?;
    let (setup, token) = renewed.ok_or(FirstUserError::NoAccount)?;
    let hash = password::hash_of(password, entropy).ok_or(FirstUserError::NoMemory)?;
    let actor = Actor::operator("admin-password-file");
    let account = setup.account;
    let user = make(directory, &account, USER_OF_FILE, &actor, now);
    let user = user.map_err(FirstUserError::Change)?;
    let token = token.expose_text();
    directory
        .finish_setup(&token, &user, &hash, now, &actor)
        .map_err(FirstUserError::SignIn)?;
    Ok(Some(account))
}

/// The first user, with every right in the account. One that a try before this one
/// made is taken as it is.
pub(super) fn make(
    directory: &Directory,
    account: &AccountId,
    user: &str,
    actor: &Actor,
    now: EpochMs,
) -> Result<IdentityId, ChangeIdentitiesError> {
    let exists = |error: &ChangeIdentitiesError| {
        matches!(
            error,
            ChangeIdentitiesError::Identity(IdentityError::Exists { .. })
        )
    };
    let unless_there = |result: Result<(), ChangeIdentitiesError>| match result {
        Err(error) if exists(&error) => Ok(()),
        other => other,
    };
    let change = |change: &mut IdentityChange<'_>| {
        let made = change.create_user(NewUser {
            name: user.to_owned(),
            ..NewUser::default()
        });
        unless_there(made.map(drop))?;
        let policy = change.create_policy(
            ADMINISTRATOR,
            "Made when the console was set up: everything in the account.",
            ADMINISTRATOR_DOCUMENT,
        );
        unless_there(policy.map(drop))?;
        let holder = PolicyHolder::User(user.to_owned());
        unless_there(change.attach_policy(ADMINISTRATOR, &holder))?;
        let console = UserChanges {
            console: Some(true),
            ..UserChanges::default()
        };
        change.update_user(user, console)
    };
    let info = directory.change_identities(account, actor, now, change)?;
    Ok(info.id)
}
