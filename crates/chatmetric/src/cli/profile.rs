//! Where `query` and `conformance` take their keys from: the environment, or the configuration
//! file of the vendor's own command line.
//!
//! Only keys that are used as they are (modes `AK` and `StsToken`); modes that
//! fetch credentials elsewhere are named and refused.

use super::CliError;
use chatmetric_rpc::credential::SecretKey;
use chatmetric_rpc::sign::Credentials;
use serde::Deserialize;
use std::path::{Path, PathBuf};

/// Longest configuration file, in bytes.
const FILE_BYTES_MAX: u64 = 1024 * 1024;

#[derive(Deserialize)]
struct ConfigFile {
    #[serde(default)]
    current: String,
    #[serde(default)]
    profiles: Vec<Profile>,
}

#[derive(Deserialize)]
struct Profile {
    #[serde(default)]
    name: String,
    #[serde(default)]
    mode: String,
    #[serde(default)]
    access_key_id: String,
    #[serde(default)]
    access_key_secret: String,
    #[serde(default)]
    sts_token: String,
}

/// Names of the variables and of the flag that hold one pair of keys.
#[derive(Debug, Clone, Copy)]
pub(super) struct KeyNames {
    pub(super) id: &'static str,
    pub(super) secret: &'static str,
    pub(super) token: &'static str,
    pub(super) flag: &'static str,
}

/// The pair of the provider that counts are compared with: named apart from ours, so that
/// neither is sent to the other.
pub(super) const PROVIDER: KeyNames = KeyNames {
    id: "CHATMETRIC_PROVIDER_ACCESS_KEY_ID",
    secret: "CHATMETRIC_PROVIDER_ACCESS_KEY_SECRET",
    token: "CHATMETRIC_PROVIDER_SECURITY_TOKEN",
    flag: "--provider-profile",
};

/// The flag's profile, else these variables; never the file's current profile.
pub(super) fn named_credentials(
    names: KeyNames,
    profile: Option<&str>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Credentials, CliError> {
    let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
    let KeyNames {
        id,
        secret,
        token,
        flag,
    } = names;
    if let Some(name) = profile {
        let home = variable("HOME")
            .ok_or_else(|| CliError::usage(format!("`{flag}` needs `HOME` to be set")))?;
        let path = PathBuf::from(home).join(".aliyun/config.json");
        return from_file(&path, Some(name));
    }
    match (variable(id), variable(secret)) {
        (Some(id), Some(secret)) => Ok(pair(id, &secret, variable(token).as_deref())),
        (Some(_), None) => Err(missing(secret)),
        (None, Some(_)) => Err(missing(id)),
        (None, None) => Err(
            CliError::usage("no AccessKey of the provider was given").hint(format!(
                "name a profile of `~/.aliyun/config.json` with `{flag}`, or set `{id}` and \
                 `{secret}`"
            )),
        ),
    }
}

/// `--profile`, else the environment, else the current profile of the file.
pub(super) fn credentials(
    profile: Option<&str>,
    environment: impl Fn(&str) -> Option<String>,
) -> Result<Credentials, CliError> {
    let variable = |name: &str| environment(name).filter(|value| !value.is_empty());
    let path = variable("HOME").map(|home| PathBuf::from(home).join(".aliyun/config.json"));
    if let Some(name) = profile {
        let path = path.ok_or_else(|| CliError::usage("`--profile` needs `HOME` to be set"))?;
        return from_file(&path, Some(name));
    }
    let id = variable("ALIBABA_CLOUD_ACCESS_KEY_ID");
    let secret = variable("ALIBABA_CLOUD_ACCESS_KEY_SECRET");
    match (id, secret) {
        (Some(id), Some(secret)) => Ok(pair(
            id,
            &secret,
            variable("ALIBABA_CLOUD_SECURITY_TOKEN").as_deref(),
        )),
        (Some(_), None) => Err(missing("ALIBABA_CLOUD_ACCESS_KEY_SECRET")),
        (None, Some(_)) => Err(missing("ALIBABA_CLOUD_ACCESS_KEY_ID")),
        (None, None) => match path.filter(|path| path.exists()) {
            Some(path) => from_file(&path, None),
            None => Err(CliError::usage("no AccessKey was given").hint(
                "set `ALIBABA_CLOUD_ACCESS_KEY_ID` and `ALIBABA_CLOUD_ACCESS_KEY_SECRET`, or name \
                 a profile of `~/.aliyun/config.json` with `--profile`",
            )),
        },
    }
}

fn missing(variable: &str) -> CliError {
    CliError::usage(format!("`{variable}` is not set, its counterpart is"))
}

fn pair(id: String, secret: &str, token: Option<&str>) -> Credentials {
    Credentials {
        access_key_id: id,
        secret: SecretKey::new(secret),
        security_token: token.map(SecretKey::new),
    }
}

fn from_file(path: &Path, name: Option<&str>) -> Result<Credentials, CliError> {
    let shown = path.display();
    let fail =
        |error: std::io::Error| CliError::usage(format!("could not read `{shown}`: {error}"));
    if std::fs::metadata(path).map_err(fail)?.len() > FILE_BYTES_MAX {
        return Err(CliError::usage(format!(
            "`{shown}` has more than {FILE_BYTES_MAX} bytes"
        )));
    }
    let text = std::fs::read(path).map_err(fail)?;
    // The message of the parser may hold a value, so only the place is shown.
    let file: ConfigFile = serde_json::from_slice(&text).map_err(|error| {
        let (line, column) = (error.line(), error.column());
        CliError::usage(format!(
            "`{shown}` is not as expected at line {line}, column {column}"
        ))
    })?;
    let wanted = name.unwrap_or(if file.current.is_empty() {
        "default"
    } else {
        &file.current
    });
    let known: Vec<&str> = file
        .profiles
        .iter()
        .map(|profile| profile.name.as_str())
        .collect();
    let known = known.join("`, `");
    let profile = file
        .profiles
        .iter()
        .find(|profile| profile.name == wanted)
        .ok_or_else(|| {
            CliError::usage(format!(
                "`{shown}` has no profile `{wanted}`; it has `{known}`"
            ))
        })?;
    let token = match profile.mode.as_str() {
        "" | "AK" => None,
        "StsToken" => Some(profile.sts_token.as_str()).filter(|token| !token.is_empty()),
        other => {
            return Err(CliError::usage(format!(
                "the profile `{wanted}` has mode `{other}`; only `AK` and `StsToken` are supported"
            )));
        }
    };
    if profile.access_key_id.is_empty() || profile.access_key_secret.is_empty() {
        return Err(CliError::usage(format!(
            "the profile `{wanted}` holds no AccessKey"
        )));
    }
    Ok(pair(
        profile.access_key_id.clone(),
        &profile.access_key_secret,
        token,
    ))
}
