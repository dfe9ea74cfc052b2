//! Passwords: what is a valid one, and Argon2id of it.
//!
//! Invariants: a password is never shown or logged, and is gone from memory when it
//! was judged; a sign-in costs the same work whether or not there is such a user.

use super::error::ConsoleError;
use super::work;
use crate::directory::IdentityId;
use crate::entropy::Entropy;
use crate::server::App;
use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher as _, PasswordVerifier as _};
use serde::{Deserialize, Deserializer};
use std::sync::Arc;
use zeroize::Zeroizing;

/// Shortest password, in characters.
pub(super) const PASSWORD_CHARS_MIN: usize = 12;
/// Longest password, in characters.
pub(super) const PASSWORD_CHARS_MAX: usize = 256;
/// Bytes of a salt.
const SALT_BYTES: usize = 16;
/// The id that is looked up for users that are not there: no user has so small a one.
const NOBODYS_ID: &str = "100000000000000000";
/// The salt for passwords of users that are not there; nothing is compared with it.
const NOBODYS_SALT: &[u8; SALT_BYTES] = b"nobody signs in.";

/// A password as it was typed.
pub(super) struct Password(Zeroizing<String>);

impl<'de> Deserialize<'de> for Password {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(|text| Self(Zeroizing::new(text)))
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(redacted)")
    }
}

impl Password {
    /// Refuses a new password that is too short or too long. There is no other rule:
    /// length is what makes guessing hard.
    pub(super) fn check(&self, field: &'static str) -> Result<(), ConsoleError> {
        let chars = self.0.chars().count();
        if (PASSWORD_CHARS_MIN..=PASSWORD_CHARS_MAX).contains(&chars) {
            return Ok(());
        }
        let reason =
            format!("A password has {PASSWORD_CHARS_MIN} to {PASSWORD_CHARS_MAX} characters.");
        Err(ConsoleError::invalid(field, reason))
    }
}

/// The hash of a new password, as a PHC string with a salt of its own; `None` only if
/// there is no memory for it.
pub(crate) fn hash_of(password: &str, entropy: &dyn Entropy) -> Option<String> {
    let mut salt = [0_u8; SALT_BYTES];
    entropy.fill(&mut salt);
    hashed(password, &salt).map(|hash| hash.to_string())
}

fn hashed(password: &str, salt: &[u8]) -> Option<PasswordHash> {
    // The parameters are the crate's defaults, which are the least that OWASP names.
    let hash = Argon2::default().hash_password_with_salt(password.as_bytes(), salt);
    hash.inspect_err(|error| tracing::error!(%error, "a password could not be hashed"))
        .ok()
}

/// Hashes a new password.
pub(super) async fn hash(app: &Arc<App>, password: Password) -> Result<String, ConsoleError> {
    work::within(app, &app.console.hashing, move |app| {
        hash_of(&password.0, app.entropy.as_ref()).ok_or(ConsoleError::Internal)
    })
    .await
}

/// The hash that the password fits, if it is the user's; without a user, or without a
/// password, there is none, after the same work.
pub(super) async fn fits(
    app: &Arc<App>,
    password: Password,
    user: Option<IdentityId>,
) -> Result<Option<String>, ConsoleError> {
    work::within(app, &app.console.hashing, move |app| {
        // Nobody's password is looked up too.
        let user = user.or_else(|| IdentityId::parse(NOBODYS_ID));
        let stored = user.map(|user| app.directory.console_password(&user));
        let stored = stored.transpose()?.flatten().map(|stored| stored.hash);
        let fits = fits_now(&password.0, stored.as_deref());
        Ok(stored.filter(|_| fits))
    })
    .await
}

fn fits_now(password: &str, stored: Option<&str>) -> bool {
    let Some(stored) = stored.and_then(|stored| PasswordHash::new(stored).ok()) else {
        hashed(password, NOBODYS_SALT);
        return false;
    };
    Argon2::default()
        .verify_password(password.as_bytes(), &stored)
        .is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entropy::SeededEntropy;

    #[test]
    fn a_hash_belongs_to_its_password_alone_and_has_the_parameters_of_today() {
        let hash = hash_of("correct horse battery", &SeededEntropy::new(1)).expect("hashes");
        assert!(
            hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"),
            "{hash}"
        );
        assert!(fits_now("correct horse battery", Some(&hash)));
        assert!(!fits_now("correct horse batterz", Some(&hash)));
        assert!(!fits_now("correct horse battery", Some("nonsense")));
        assert!(!fits_now("correct horse battery", None));
        let other = hash_of("correct horse battery", &SeededEntropy::new(2)).expect("hashes");
        assert_ne!(hash, other);
    }

    #[test]
    fn only_the_length_is_judged() {
        let check = |text: String| Password(Zeroizing::new(text)).check("password").is_ok();
        assert!(check("a".repeat(PASSWORD_CHARS_MIN)));
        assert!(check("ü".repeat(PASSWORD_CHARS_MAX)));
        assert!(!check("a".repeat(PASSWORD_CHARS_MIN - 1)));
        assert!(!check("a".repeat(PASSWORD_CHARS_MAX + 1)));
    }

    #[test]
    fn a_password_is_not_shown() {
        let password: Password = serde_json::from_str(r#""hush hush hush""#).expect("a string");
        assert_eq!(format!("{password:?}"), "Password(redacted)");
    }
}
