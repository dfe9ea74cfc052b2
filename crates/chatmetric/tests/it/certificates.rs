//! A certificate authority of its own for tests, and what it issues.
//!
//! Not for production: its key lives in memory only and is never written.
//!
//! Invariant: what it issues satisfies strict clients: key usages, key
//! identifiers and names are there, and critical where they have to be.

use rcgen::{
    BasicConstraints, CertificateParams, DnType, ExtendedKeyUsagePurpose, IsCa, Issuer, KeyPair,
    KeyUsagePurpose, date_time_ymd,
};

/// Years in which everything is valid that is not asked to be otherwise.
pub(crate) const VALID_YEARS: (i32, i32) = (2024, 2044);

/// A private authority.
pub(crate) struct TestCa {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate with its key, both PEM.
pub(crate) struct Issued {
    pub(crate) certificate: String,
    pub(crate) key: String,
}

impl TestCa {
    pub(crate) fn new() -> Result<Self, rcgen::Error> {
        let mut params = params("chatmetric test CA", &[], VALID_YEARS)?;
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
        let key = KeyPair::generate()?;
        let pem = params.self_signed(&key)?.pem();
        Ok(Self {
            pem,
            issuer: Issuer::new(params, key),
        })
    }

    /// What clients have to trust.
    pub(crate) fn pem(&self) -> &str {
        &self.pem
    }

    /// A server's certificate for these names and addresses, valid from the
    /// first of January of the first year to that of the second.
    pub(crate) fn issue(&self, names: &[&str], years: (i32, i32)) -> Result<Issued, rcgen::Error> {
        let mut params = params("chatmetric test server", names, years)?;
        params.is_ca = IsCa::ExplicitNoCa;
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        Ok(Issued {
            certificate: params.signed_by(&key, &self.issuer)?.pem(),
            key: key.serialize_pem(),
        })
    }
}

fn params(
    name: &str,
    names: &[&str],
    (first, end): (i32, i32),
) -> Result<CertificateParams, rcgen::Error> {
    let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
    let mut params = CertificateParams::new(names)?;
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(first, 1, 1);
    params.not_after = date_time_ymd(end, 1, 1);
    Ok(params)
}
