//! The CAs that a client trusts instead of the public ones.
//!
//! Invariant: a [`CaFile`] holds at least one certificate, and each can be a
//! root; nothing in the file is passed over in silence.

use super::file::{FileFault, Holds, read};
use rustls::RootCertStore;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use std::path::{Path, PathBuf};

/// Certificates of CAs, from one PEM file.
#[derive(Debug, Clone)]
pub struct CaFile {
    roots: Vec<CertificateDer<'static>>,
}

/// Why a file names no CA.
#[derive(Debug, thiserror::Error)]
pub enum CaFileError {
    /// It could not be read.
    #[error("could not read `{}`", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: FileFault,
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
    /// No certificate in the file.
    #[error("`{}` holds no certificate: it must be PEM, one CA or more", path.display())]
    Empty {
        /// The file.
        path: PathBuf,
    },
    /// A certificate that can be no root.
    #[error("certificate {place} of `{}` cannot be a CA", path.display())]
    Root {
        /// The file.
        path: PathBuf,
        /// Which of them, from 1.
        place: usize,
        /// What the library said.
        #[source]
        source: rustls::Error,
    },
}

impl CaFile {
    /// Reads and checks a file.
    ///
    /// # Errors
    /// [`CaFileError`]
    pub fn read(path: &Path) -> Result<Self, CaFileError> {
        let text = read(path, Holds::Certificates).map_err(|source| CaFileError::File {
            path: path.to_owned(),
            source,
        })?;
        let roots: Vec<CertificateDer<'static>> = CertificateDer::pem_slice_iter(&text)
            .collect::<Result<_, _>>()
            .map_err(|_| CaFileError::Pem {
                path: path.to_owned(),
            })?;
        if roots.is_empty() {
            let path = path.to_owned();
            return Err(CaFileError::Empty { path });
        }
        let mut store = RootCertStore::empty();
        for (root, place) in roots.iter().zip(1..) {
            store
                .add(root.clone())
                .map_err(|source| CaFileError::Root {
                    path: path.to_owned(),
                    place,
                    source,
                })?;
        }
        Ok(Self { roots })
    }

    /// The certificates, DER.
    pub(crate) fn roots(&self) -> impl Iterator<Item = &[u8]> {
        self.roots.iter().map(AsRef::as_ref)
    }
}
