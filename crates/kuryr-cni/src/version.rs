//! The CNI versions that are served, and in what they differ.

use std::str::FromStr;

use serde_json::{Value, json};

/// A version of the CNI specification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum CniVersion {
    /// 0.3.0: ADD, DEL, VERSION; the form of its results is that of 0.3.1, which mends the text alone.
    V0_3_0,
    /// 0.3.1.
    V0_3_1,
    /// 0.4.0: and CHECK.
    V0_4_0,
    /// 1.0.0: addresses say no family any more.
    V1_0_0,
    /// 1.1.0: and GC, STATUS; an interface has an MTU.
    V1_1_0,
}

impl CniVersion {
    /// All versions served, oldest first.
    pub const ALL: [Self; 5] = [
        Self::V0_3_0,
        Self::V0_3_1,
        Self::V0_4_0,
        Self::V1_0_0,
        Self::V1_1_0,
    ];
    /// The newest.
    pub const LATEST: Self = Self::V1_1_0;

    /// As written in a network configuration.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::V0_3_0 => "0.3.0",
            Self::V0_3_1 => "0.3.1",
            Self::V0_4_0 => "0.4.0",
            Self::V1_0_0 => "1.0.0",
            Self::V1_1_0 => "1.1.0",
        }
    }

    /// Whether the specification has CHECK.
    #[must_use]
    pub fn has_check(self) -> bool {
        self >= Self::V0_4_0
    }

    /// Whether the specification has GC and STATUS.
    #[must_use]
    pub fn has_gc_and_status(self) -> bool {
        self >= Self::V1_1_0
    }

    /// Whether each address says its family (`"version": "4"`).
    #[must_use]
    pub fn ip_has_family(self) -> bool {
        self < Self::V1_0_0
    }

    /// Whether an interface says its MTU.
    #[must_use]
    pub fn interface_has_mtu(self) -> bool {
        self >= Self::V1_1_0
    }
}

impl FromStr for CniVersion {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|v| v.as_str() == text).ok_or(())
    }
}

/// The versions as a sentence lists them.
#[must_use]
pub fn supported() -> String {
    CniVersion::ALL.map(CniVersion::as_str).join(", ")
}

/// The version that a network configuration asks for, if it can be made out: errors are
/// printed in it, too.
#[must_use]
pub fn of_config(stdin: &[u8]) -> Option<CniVersion> {
    let conf: Value = serde_json::from_slice(stdin).ok()?;
    conf.get("cniVersion")?.as_str()?.parse().ok()
}

/// The answer to VERSION.
#[must_use]
pub fn answer(version: CniVersion) -> Value {
    json!({
        "cniVersion": version.as_str(),
        "supportedVersions": CniVersion::ALL.map(CniVersion::as_str),
    })
}
