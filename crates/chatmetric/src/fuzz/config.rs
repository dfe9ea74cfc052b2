//! Configurations: what is accepted is valid, and an unknown key never is; each fault has its
//! key and a place in the text.
//!
//! Files that a configuration names are looked at, as they are by the server. Not here: the
//! environment. Invariant: it returns for any input, or a property is broken.

use crate::config::{ConfigError, Overrides, Settings};

/// Longer texts only repeat.
const TEXT_BYTES_MAX: usize = 64 * 1024;

/// See the module.
pub fn config(data: &[u8]) {
    // The file is read as text before it is understood.
    let Ok(text) = std::str::from_utf8(data) else {
        return;
    };
    if text.len() > TEXT_BYTES_MAX {
        return;
    }
    match parse(text) {
        Ok(settings) => {
            assert!(settings.validate().is_empty(), "it is valid");
            assert_eq!(parse(text).ok().as_ref(), Some(&settings));
            let unknown = format!("{text}\n[nobody_knows_this]\nkey = 1\n");
            assert!(parse(&unknown).is_err(), "an unknown section is a fault");
        }
        Err(ConfigError::Faults(faults)) => {
            assert!(!faults.is_empty());
            let lines = text.split('\n').count();
            for fault in &faults {
                assert!(fault.to_string().contains(&fault.key));
                if let Some((line, column)) = fault.place {
                    assert!((1..=lines).contains(&line) && column > 0, "{fault}");
                }
            }
        }
        Err(ConfigError::Read { .. }) => panic!("no file was read"),
    }
}

fn parse(text: &str) -> Result<Settings, ConfigError> {
    Settings::from_parts(text, [], &Overrides::default())
}
