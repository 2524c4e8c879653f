//! Our configuration, and whether a file is it.

use serde_json::Value;

/// What the runtime reads. `installed-by` says that the file is the daemon's to replace and to remove; the plugin passes over
/// what it does not know.
pub(super) const CONFLIST: &str = r#"{
  "cniVersion": "1.0.0",
  "name": "kuryr",
  "plugins": [
    {
      "type": "kuryr-cni",
      "installed-by": "kuryr-daemon"
    }
  ]
}
"#;

/// What a file of our configuration's name is.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Standing {
    Absent,
    /// As this daemon writes it.
    Current,
    /// As another release of the daemon wrote it.
    Older,
    /// Somebody else's.
    Others,
}

pub(super) fn standing(file: Option<&[u8]>) -> Standing {
    let Some(text) = file else {
        return Standing::Absent;
    };
    if text == CONFLIST.as_bytes() {
        return Standing::Current;
    }
    let list: Value = serde_json::from_slice(text).unwrap_or_default();
    // With other plugins in the chain somebody has made it their own.
    match list["plugins"].as_array().map(Vec::as_slice) {
        Some([only]) if only["installed-by"] == "kuryr-daemon" => Standing::Older,
        _ => Standing::Others,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chain_that_somebody_made_of_it_is_theirs() {
        assert_eq!(standing(None), Standing::Absent);
        assert_eq!(standing(Some(CONFLIST.as_bytes())), Standing::Current);
        let spaces = CONFLIST.replace('\n', "");
        assert_eq!(standing(Some(spaces.as_bytes())), Standing::Older);
        let chain = spaces.replace("  ]}", r#", {"type": "tuning"} ]}"#);
        assert_ne!(chain, spaces);
        assert_eq!(standing(Some(chain.as_bytes())), Standing::Others);
        assert_eq!(standing(Some(b"[]")), Standing::Others);
    }
}
