//! TLS: the certificate of the main listener with its key, their exchange while
//! the server runs, and the private CA that a client trusts.
//!
//! Reading order: `pair` (two files become a certificate that can be served),
//! `served` (what new connections get, and when it changes), `ca_file` (the
//! client's side), `file` (how any of these files is read). Not here: sockets
//! and handshakes, which are `server`'s.
//!
//! Invariant: what is served is always a pair that was read whole and whose key
//! belongs to its certificate.

mod ca_file;
mod file;
mod pair;
mod served;

pub use ca_file::{CaFile, CaFileError};
pub use file::{FileFault, TLS_FILE_BYTES_MAX};
pub use pair::{Pair, PairError, PairFiles};
pub use served::LOOK_INTERVAL;
pub(crate) use served::Served;

use std::path::Path;
use zeroize::Zeroizing;

use rustls::crypto::CryptoProvider;

/// Reads a file that holds a secret of another kind: as that of a key.
pub(crate) fn read_secret(path: &Path) -> Result<Zeroizing<Vec<u8>>, FileFault> {
    file::read(path, file::Holds::Key)
}

/// The one provider of cryptography: the client has the same.
fn provider() -> CryptoProvider {
    rustls::crypto::ring::default_provider()
}

#[cfg(test)]
#[path = "../../tests/it/certificates.rs"]
mod certificates;
#[cfg(test)]
mod tests;
