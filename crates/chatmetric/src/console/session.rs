//! Who is signed in: sessions in memory, each known by the hash of its id, and the
//! cookie that carries the id.
//!
//! The directory has them too, so that they survive a restart; a look-up reads memory
//! alone. Invariants: an id is in no log and nowhere on disk; a session is over after
//! [`IDLE_MS`] without use, after [`LIFE_MS`] in any case, and at once when its user is
//! gone or may not sign in any more. A new session is in memory before the directory
//! takes it, one that ends leaves the directory first: so whoever ends sessions in the
//! directory finds all of them in memory afterwards.

use super::ask::Ask;
use super::error::ConsoleError;
use crate::directory::{
    AGENT_BYTES_MAX, Account, Directory, IdentityId, SESSIONS_PER_USER_MAX, Snapshot,
    StoredSession, User, token,
};
use crate::server::answer::Answer;
use http::{HeaderValue, header};
use sha2::{Digest as _, Sha256};
use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// How long a session lasts without use, in ms.
pub(super) const IDLE_MS: i64 = 12 * 3_600_000;
/// How long a session lasts at all, in ms.
pub(super) const LIFE_MS: i64 = 7 * 24 * 3_600_000;
/// How often a session's last use is written, in ms.
const USED_STEP_MS: i64 = 60_000;
/// The cookie over TLS: browsers take it from this host alone, and for all of it.
const COOKIE_TLS: &str = "__Host-cm_session";
/// The cookie over plain HTTP.
const COOKIE_PLAIN: &str = "cm_session";

/// What is known of a session.
#[derive(Debug, Clone)]
struct Held {
    session: StoredSession,
    /// What the directory has of `used_ms`.
    written_ms: i64,
    /// Whether the directory took it.
    is_kept: bool,
}

/// All sessions.
pub(super) struct Sessions {
    held: Mutex<HashMap<[u8; 32], Held>>,
}

/// Which last uses are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SessionUses {
    /// Those that are a minute old.
    Due,
    /// All, at the end.
    All,
}

/// A session whose user may be signed in now.
pub(super) struct Found {
    pub(super) hash: [u8; 32],
    pub(super) account: Arc<Account>,
    pub(super) user: Arc<User>,
}

impl Sessions {
    pub(super) fn new(stored: Vec<StoredSession>) -> Self {
        let held = stored.into_iter().map(|session| {
            let written_ms = session.used_ms;
            let held = Held {
                session,
                written_ms,
                is_kept: true,
            };
            (held.session.hash, held)
        });
        Self {
            held: Mutex::new(held.collect()),
        }
    }

    /// The session with this hash, used now.
    pub(super) fn find(&self, hash: [u8; 32], snapshot: &Snapshot, now_ms: i64) -> Option<Found> {
        let mut all = self.held();
        let held = all.get_mut(&hash)?;
        let user = snapshot.user_by_id(&held.session.user);
        let user = user.filter(|(_, user)| user.console);
        if is_over(&held.session, now_ms) {
            return None;
        }
        let Some((account, user)) = user else {
            all.remove(&hash);
            return None;
        };
        held.session.used_ms = held.session.used_ms.max(now_ms);
        Some(Found {
            hash,
            account: Arc::clone(account),
            user: Arc::clone(user),
        })
    }

    /// Whether the session still stands, without using it.
    pub(super) fn stands(&self, hash: [u8; 32], now_ms: i64) -> bool {
        let all = self.held();
        all.get(&hash)
            .is_some_and(|held| !is_over(&held.session, now_ms))
    }

    /// The sessions of a user that are not over, the one used last first.
    pub(super) fn of_user(&self, user: &IdentityId, now_ms: i64) -> Vec<StoredSession> {
        let all = self.held();
        let own = all.values().map(|held| &held.session);
        let mut own: Vec<_> = own
            .filter(|session| session.user == *user && !is_over(session, now_ms))
            .cloned()
            .collect();
        own.sort_by_key(|session| std::cmp::Reverse((session.used_ms, session.created_ms)));
        own
    }

    /// What has to go before one more session of the user is made: everything that is
    /// over, and what is too much.
    fn ended_for(&self, user: &IdentityId, now_ms: i64) -> Vec<[u8; 32]> {
        let too_many = self.of_user(user, now_ms);
        let too_many = too_many.iter().skip(SESSIONS_PER_USER_MAX - 1);
        let mut ended: Vec<_> = too_many.map(|session| session.hash).collect();
        let all = self.held();
        let over = all.values().filter(|held| is_over(&held.session, now_ms));
        ended.extend(over.map(|held| held.session.hash));
        ended
    }

    fn add(&self, session: StoredSession) {
        let mut all = self.held();
        let written_ms = session.used_ms;
        let held = Held {
            session,
            written_ms,
            is_kept: false,
        };
        all.insert(held.session.hash, held);
    }

    fn note_kept(&self, hash: &[u8; 32]) {
        if let Some(held) = self.held().get_mut(hash) {
            held.is_kept = true;
        }
    }

    /// Forgets sessions that the directory has let go of.
    pub(super) fn forget(&self, ended: &[[u8; 32]]) {
        let mut all = self.held();
        for hash in ended {
            all.remove(hash);
        }
    }

    /// Takes over what other nodes made of the sessions. Asked for and taken over under
    /// one lock: a list of before cannot bring back what was let go of since.
    fn follow(&self, directory: &Directory) {
        let mut all = self.held();
        let Some(stored) = directory.take_changed_sessions() else {
            return;
        };
        let hashes: HashSet<_> = stored.iter().map(|session| session.hash).collect();
        all.retain(|hash, held| !held.is_kept || hashes.contains(hash));
        for session in stored {
            let written_ms = session.used_ms;
            let held = all.entry(session.hash).or_insert_with(|| Held {
                session,
                written_ms,
                is_kept: true,
            });
            held.session.used_ms = held.session.used_ms.max(written_ms);
            held.written_ms = held.written_ms.max(written_ms);
        }
    }

    /// Forgets the sessions of users who may not sign in any more, however that came.
    pub(super) fn forget_signed_out(&self, directory: &Directory) {
        self.follow(directory);
        let users = directory.take_signed_out();
        if !users.is_empty() {
            self.held()
                .retain(|_, held| !users.contains(&held.session.user));
        }
    }

    /// Writes when sessions were used last; what fails is tried again.
    pub(super) fn keep_uses(&self, directory: &Directory, uses: SessionUses) {
        let step_ms = match uses {
            SessionUses::Due => USED_STEP_MS,
            SessionUses::All => 1,
        };
        let due: Vec<_> = {
            let all = self.held();
            let used = all
                .values()
                .filter(|held| held.session.used_ms.saturating_sub(held.written_ms) >= step_ms);
            used.map(|held| (held.session.hash, held.session.used_ms))
                .collect()
        };
        if due.is_empty() {
            return;
        }
        if let Err(error) = directory.note_console_sessions(&due) {
            tracing::warn!(%error, "could not note the last uses of sessions; trying again");
            return;
        }
        let mut all = self.held();
        for (hash, used_ms) in due {
            if let Some(held) = all.get_mut(&hash) {
                held.written_ms = used_ms;
            }
        }
    }

    fn held(&self) -> MutexGuard<'_, HashMap<[u8; 32], Held>> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn is_over(session: &StoredSession, now_ms: i64) -> bool {
    now_ms.saturating_sub(session.used_ms) >= IDLE_MS
        || now_ms.saturating_sub(session.created_ms) >= LIFE_MS
}

/// What a page knows a session by: not enough to be signed in with it.
pub(super) fn public_id(hash: &[u8; 32]) -> String {
    hex::encode(hash.iter().take(16).copied().collect::<Vec<_>>())
}

fn cookie_name(tls: bool) -> &'static str {
    if tls { COOKIE_TLS } else { COOKIE_PLAIN }
}

/// The hash of the id that the cookie carries. Of two cookies of the name, one was
/// planted, so none counts.
pub(super) fn presented(ask: &Ask<'_>) -> Option<[u8; 32]> {
    let name = cookie_name(ask.caller.tls);
    let cookies = ask.parts.headers.get_all(header::COOKIE).iter();
    let mut values = cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .filter(|(own, _)| *own == name)
        .map(|(_, value)| value);
    let (value, None) = (values.next()?, values.next()) else {
        return None;
    };
    Some(Sha256::digest(value.as_bytes()).into())
}

/// Signs a user in whose password has this hash: a new session, whose id is in the
/// cookie of the answer. Blocks on the disk.
pub(super) fn begin(
    ask: &Ask<'_>,
    user: &IdentityId,
    password: String,
) -> impl FnOnce(&crate::server::App) -> Result<HeaderValue, ConsoleError> + Send + 'static {
    let agent = ask.parts.headers.get(header::USER_AGENT);
    let agent = agent.map(|agent| String::from_utf8_lossy(agent.as_bytes()).into_owned());
    let agent = cut(agent.unwrap_or_default(), AGENT_BYTES_MAX);
    let (address, tls, user) = (ask.caller.ip, ask.caller.tls, user.clone());
    // A sign-in ends the session before it, whoever's that was.
    let before = presented(ask);
    move |app| {
        let now_ms = app.clock.now().0;
        let id = token(app.entropy.as_ref());
        let sessions = &app.console.sessions;
        sessions.forget_signed_out(&app.directory);
        let mut ended = sessions.ended_for(&user, now_ms);
        ended.extend(before);
        let session = StoredSession {
            hash: Sha256::digest(id.expose()).into(),
            user,
            created_ms: now_ms,
            used_ms: now_ms,
            address,
            agent,
        };
        sessions.add(session.clone());
        let kept = app
            .directory
            .add_console_session(&session, &password, &ended);
        if let Err(error) = kept {
            sessions.forget(&[session.hash]);
            return Err(error.into());
        }
        sessions.note_kept(&session.hash);
        sessions.forget(&ended);
        let id = id.expose_text().into_owned();
        cookie(tls, &id, LIFE_MS / 1_000)
    }
}

/// The cookie that is none any more.
pub(super) fn ended_cookie(tls: bool) -> Result<HeaderValue, ConsoleError> {
    cookie(tls, "", 0)
}

fn cookie(tls: bool, id: &str, seconds: i64) -> Result<HeaderValue, ConsoleError> {
    let name = cookie_name(tls);
    let secure = if tls { "; Secure" } else { "" };
    let text = format!("{name}={id}; Max-Age={seconds}; Path=/; HttpOnly; SameSite=Lax{secure}");
    let mut value = HeaderValue::try_from(text).map_err(|_| ConsoleError::Internal)?;
    value.set_sensitive(true);
    Ok(value)
}

/// Adds the cookie to an answer.
pub(super) fn with_cookie(answer: Answer, cookie: HeaderValue) -> Answer {
    answer.header(header::SET_COOKIE, cookie)
}

fn cut(mut text: String, bytes_max: usize) -> String {
    let mut end = text.len().min(bytes_max);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.truncate(end);
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::directory::{ApplyOptions, Document, Format, InlineOnly};
    use crate::entropy::SeededEntropy;
    use crate::master_key::MasterKey;
    use chatmetric_core::EpochMs;

    fn session(byte: u8, created_ms: i64) -> StoredSession {
        StoredSession {
            hash: [byte; 32],
            user: IdentityId::parse("200000000000000001").expect("an id"),
            created_ms,
            used_ms: created_ms,
            address: "192.0.2.1".parse().expect("an address"),
            agent: String::new(),
        }
    }

    #[test]
    fn a_session_ends_idle_and_in_any_case() {
        let mut one = session(1, 0);
        assert!(!is_over(&one, IDLE_MS - 1));
        assert!(is_over(&one, IDLE_MS));
        one.used_ms = LIFE_MS - 1;
        assert!(!is_over(&one, LIFE_MS - 1));
        assert!(is_over(&one, LIFE_MS));
    }

    /// Also before anybody was told that the user may not: what a request looks at is what
    /// the user may by the directory as it is.
    #[test]
    fn who_may_not_sign_in_has_no_session_in_memory_either() {
        let dir = tempfile::tempdir().expect("a directory");
        let key = MasterKey::from_bytes([7; 32]);
        let entropy = Arc::new(SeededEntropy::new(1));
        let directory = Directory::open(dir.path(), key, entropy).expect("opens");
        let apply = |console: bool| {
            let text = format!(
                "[[account]]\nid = \"1000000000000001\"\nname = \"acme\"\n[[account.user]]\nname = \"reader\"\nconsole = {console}\n"
            );
            let document = Document::parse(&text, Format::Toml, &InlineOnly).expect("parses");
            let applied = directory.apply(&document, ApplyOptions::default(), EpochMs(0));
            applied.expect("applied");
            directory.snapshot()
        };
        let may = apply(true);
        let account = may.accounts().next().expect("an account").key;
        let reader = may.users(account).next().expect("a user").id.clone();
        let own = StoredSession {
            user: reader,
            ..session(1, 0)
        };
        let sessions = Sessions::new(vec![own]);
        assert!(sessions.find([1; 32], &may, 1).is_some());
        assert!(sessions.find([1; 32], &apply(false), 2).is_none());
        // And it stays away.
        assert!(sessions.find([1; 32], &apply(true), 3).is_none());
    }

    #[test]
    fn the_longest_unused_go_first_when_there_are_too_many() {
        let count = u8::try_from(SESSIONS_PER_USER_MAX).expect("small");
        let all = (0..count).map(|n| session(n, i64::from(n))).collect();
        let sessions = Sessions::new(all);
        let user = session(0, 0).user;
        assert_eq!(sessions.ended_for(&user, 100), vec![[0; 32]]);
        let over = LIFE_MS + i64::from(count);
        assert_eq!(sessions.ended_for(&user, over).len(), SESSIONS_PER_USER_MAX);
    }

    #[test]
    fn long_agents_are_cut_within_a_character() {
        assert_eq!(cut("aü".to_owned(), 2), "a");
    }
}
