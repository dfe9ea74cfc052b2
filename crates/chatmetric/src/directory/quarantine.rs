//! Seals what a webhook brought and nobody could read: it holds personal data,
//! so the store gets it only under the master key.

use super::Directory;
use crate::master_key::{RecordKind, SealContext, SealError};
use zeroize::Zeroizing;

impl Directory {
    /// Seals a body, or one status of it, for the account of `account_id` and the
    /// source that brought it.
    ///
    /// # Errors
    /// [`SealError::Cipher`].
    pub fn seal_quarantined(
        &self,
        account_id: &str,
        source: &str,
        plaintext: &[u8],
    ) -> Result<Vec<u8>, SealError> {
        let context = context(account_id, source);
        let writer = self.write();
        writer
            .master_key
            .seal(context, plaintext, self.entropy.as_ref())
    }

    /// Opens what [`Directory::seal_quarantined`] sealed for the same account and
    /// source.
    ///
    /// # Errors
    /// [`SealError`].
    pub fn open_quarantined(
        &self,
        account_id: &str,
        source: &str,
        sealed: &[u8],
    ) -> Result<Zeroizing<Vec<u8>>, SealError> {
        let context = context(account_id, source);
        let writer = self.write();
        let retired = writer.retired.iter().find(|key| key.sealed(sealed));
        retired.unwrap_or(&writer.master_key).open(context, sealed)
    }
}

const fn context<'a>(account_id: &'a str, source: &'a str) -> SealContext<'a> {
    SealContext {
        kind: RecordKind::QuarantinedBody,
        tenant: account_id,
        record: source,
    }
}
