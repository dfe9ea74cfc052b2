//! Makes a private CA and a server's certificate for the compat suites, so that
//! official SDKs can call over TLS:
//!
//! ```sh
//! cargo run -p chatmetric --example test_ca -- DIR
//! ```
//!
//! writes `ca.pem` (what clients trust), `server.pem` and `server.key` (for
//! `server.tls_cert_file` and `server.tls_key_file`); the names are `localhost`,
//! `127.0.0.1` and `::1`. For tests only: nobody keeps the CA's key.

#[path = "../tests/it/certificates.rs"]
mod certificates;

use anyhow::{Context as _, bail};
use certificates::{TestCa, VALID_YEARS};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

/// The names of the machine that the suites run on.
const NAMES: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

fn main() -> anyhow::Result<()> {
    let mut arguments = std::env::args_os().skip(1);
    let (Some(folder), None) = (arguments.next(), arguments.next()) else {
        bail!("usage: test_ca DIR");
    };
    let folder = Path::new(&folder);
    std::fs::create_dir_all(folder)
        .with_context(|| format!("could not make `{}`", folder.display()))?;
    let ca = TestCa::new()?;
    let server = ca.issue(&NAMES, VALID_YEARS)?;
    for (name, text) in [
        ("ca.pem", ca.pem()),
        ("server.pem", &server.certificate),
        ("server.key", &server.key),
    ] {
        write(&folder.join(name), text)?;
    }
    Ok(())
}

/// Replaces a file; nobody but the owner can read it, as the server asks of keys.
fn write(path: &Path, text: &str) -> anyhow::Result<()> {
    let failed = || format!("could not write `{}`", path.display());
    let draft = path.with_extension("new");
    match std::fs::remove_file(&draft) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(error).with_context(failed);
        }
        Ok(()) | Err(_) => {}
    }
    std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&draft)
        .and_then(|mut file| file.write_all(text.as_bytes()))
        .and_then(|()| std::fs::rename(&draft, path))
        .with_context(failed)
}
