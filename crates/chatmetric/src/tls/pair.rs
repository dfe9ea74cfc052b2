//! A certificate and its key, from two PEM files.
//!
//! Not here: when they are read again. Invariant: a [`Pair`] can be served: its
//! chain is readable, its key usable, and the key is the certificate's.

use super::file::{FileFault, Holds, read};
use super::provider;
use chatmetric_core::EpochMs;
use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::ParsedCertificate;
use rustls::sign::{CertifiedKey, SingleCertAndKey};
use rustls::version::{TLS12, TLS13};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use x509_cert::der::Decode as _;
use x509_cert::time::Time;

/// The names of the two settings.
const CERTIFICATE: &str = "server.tls_cert_file";
const KEY: &str = "server.tls_key_file";

/// The only protocol: HTTP/2 is not spoken here.
const ALPN: &[u8] = b"http/1.1";

/// Where certificate and key are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PairFiles {
    /// `server.tls_cert_file`
    pub certificate: PathBuf,
    /// `server.tls_key_file`
    pub key: PathBuf,
}

/// Why two files are no pair.
#[derive(Debug, thiserror::Error)]
pub enum PairError {
    /// One of them could not be read.
    #[error("could not read `{}`", path.display())]
    File {
        /// The setting that names the file.
        setting: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: FileFault,
    },
    /// No certificate in the file.
    #[error(
        "`{}` holds no certificate: it must be PEM, the server's own first, then those between \
         it and the CA",
        path.display()
    )]
    NoCertificate {
        /// The file.
        path: PathBuf,
    },
    /// Not PEM all through.
    #[error(
        "`{}` is not PEM: an `-----END …-----` is missing, or what is before it is not base64",
        path.display()
    )]
    Pem {
        /// The file.
        path: PathBuf,
    },
    /// A certificate that cannot be read.
    #[error("certificate {place} of `{}` cannot be read", path.display())]
    Certificate {
        /// The file.
        path: PathBuf,
        /// Which of them, from 1.
        place: usize,
        /// What the library said.
        #[source]
        source: rustls::Error,
    },
    /// No key in the file. What it holds is not shown.
    #[error(
        "`{}` holds no private key: it must be PEM (PKCS #8, PKCS #1 or SEC 1) without a \
         passphrase",
        path.display()
    )]
    NoKey {
        /// The file.
        path: PathBuf,
    },
    /// A key of a kind that cannot be used.
    #[error(
        "the key in `{}` cannot be used: it must be RSA of 2048 to 8192 bits, ECDSA of P-256 or \
         P-384, or Ed25519",
        path.display()
    )]
    UnusableKey {
        /// The file.
        path: PathBuf,
        /// What the library said.
        #[source]
        source: rustls::Error,
    },
    /// Both are good, they do not belong together.
    #[error(
        "the key in `{}` does not belong to the certificate in `{}`",
        key.display(),
        certificate.display()
    )]
    Mismatch {
        /// The key file.
        key: PathBuf,
        /// The certificate file.
        certificate: PathBuf,
    },
    /// The library lacks what it is built with.
    #[error("could not set up TLS")]
    Library(#[source] rustls::Error),
}

impl PairError {
    /// The setting that names the file with the fault.
    #[must_use]
    pub const fn setting(&self) -> &'static str {
        match self {
            Self::File { setting, .. } => setting,
            Self::NoCertificate { .. }
            | Self::Pem { .. }
            | Self::Certificate { .. }
            | Self::Library(_) => CERTIFICATE,
            Self::NoKey { .. } | Self::UnusableKey { .. } | Self::Mismatch { .. } => KEY,
        }
    }
}

/// When a certificate is valid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Validity {
    pub(super) not_before: EpochMs,
    pub(super) not_after: EpochMs,
}

/// A certificate chain with its key, ready to be served.
#[derive(Debug)]
pub struct Pair {
    pub(super) config: Arc<ServerConfig>,
    /// `None` for a certificate whose dates are written in an odd way.
    pub(super) validity: Option<Validity>,
}

impl Pair {
    /// Reads and checks both files.
    ///
    /// # Errors
    /// Everything that is wrong with either file; never an empty list.
    pub fn read(files: &PairFiles) -> Result<Self, Vec<PairError>> {
        let (chain, key) = match (read_chain(&files.certificate), read_key(&files.key)) {
            (Ok(chain), Ok(key)) => (chain, key),
            (chain, key) => return Err(chain.err().into_iter().chain(key.err()).collect()),
        };
        let validity = chain.first().and_then(validity);
        let certified = CertifiedKey::from_der(chain, key, &provider()).map_err(|source| {
            vec![match source {
                rustls::Error::InconsistentKeys(_) => PairError::Mismatch {
                    key: files.key.clone(),
                    certificate: files.certificate.clone(),
                },
                source => PairError::UnusableKey {
                    path: files.key.clone(),
                    source,
                },
            }]
        })?;
        let config = configure(certified).map_err(|error| vec![PairError::Library(error)])?;
        Ok(Self {
            config: Arc::new(config),
            validity,
        })
    }
}

/// TLS 1.3 and 1.2. Every configuration has a store of sessions of its own, so
/// whoever resumes one knows the certificate of now. There is no early data (it
/// could be replayed), no session that outlives the process, no renegotiation.
fn configure(certified: CertifiedKey) -> Result<ServerConfig, rustls::Error> {
    let mut config = ServerConfig::builder_with_provider(Arc::new(provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])?
        .with_no_client_auth()
        .with_cert_resolver(Arc::new(SingleCertAndKey::from(certified)));
    config.alpn_protocols = vec![ALPN.to_vec()];
    Ok(config)
}

fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, PairError> {
    let text = read(path, Holds::Certificates).map_err(|source| PairError::File {
        setting: CERTIFICATE,
        path: path.to_owned(),
        source,
    })?;
    let chain: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&text)
        .collect::<Result<_, _>>()
        .map_err(|_| PairError::Pem {
            path: path.to_owned(),
        })?;
    if chain.is_empty() {
        let path = path.to_owned();
        return Err(PairError::NoCertificate { path });
    }
    for (certificate, place) in chain.iter().zip(1..) {
        ParsedCertificate::try_from(certificate).map_err(|source| PairError::Certificate {
            path: path.to_owned(),
            place,
            source,
        })?;
    }
    Ok(chain)
}

fn read_key(path: &Path) -> Result<PrivateKeyDer<'static>, PairError> {
    let text = read(path, Holds::Key).map_err(|source| PairError::File {
        setting: KEY,
        path: path.to_owned(),
        source,
    })?;
    // The library's own message may hold a line of the file.
    PrivateKeyDer::from_pem_slice(&text).map_err(|_| PairError::NoKey {
        path: path.to_owned(),
    })
}

fn validity(certificate: &CertificateDer<'_>) -> Option<Validity> {
    let certificate = x509_cert::Certificate::from_der(certificate).ok()?;
    let validity = certificate.tbs_certificate().validity();
    let instant = |time: Time| {
        let since_epoch = time.to_unix_duration();
        i64::try_from(since_epoch.as_millis()).ok().map(EpochMs)
    };
    Some(Validity {
        not_before: instant(validity.not_before)?,
        not_after: instant(validity.not_after)?,
    })
}
