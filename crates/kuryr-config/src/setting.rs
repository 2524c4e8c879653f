//! From the text of an option to its type.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use url::Url;

use crate::Secret;
use crate::spec::Kind;
use crate::suggest::hint;

/// Why a text is no value of an option.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Rejection {
    /// What was expected, in words.
    pub(crate) expected: String,
    /// The word that was probably meant.
    pub(crate) suggestion: Option<&'static str>,
}

impl fmt::Display for Rejection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", self.expected, hint(self.suggestion))
    }
}

/// A type that options can have.
pub(crate) trait Setting: Sized {
    /// Reads `text` within the limits of `kind`.
    fn parse(text: &str, kind: &Kind) -> Result<Self, Rejection>;

    /// The value of an option that nobody set and that has no default.
    fn absent() -> Option<Self> {
        None
    }
}

impl<T: Setting> Setting for Option<T> {
    /// An empty text is unset, as in upstream's generated files.
    fn parse(text: &str, kind: &Kind) -> Result<Self, Rejection> {
        if text.trim().is_empty() {
            return Ok(None);
        }
        T::parse(text, kind).map(Some)
    }

    fn absent() -> Option<Self> {
        Some(None)
    }
}

impl Setting for bool {
    /// oslo.config `types.Boolean`.
    fn parse(text: &str, kind: &Kind) -> Result<Self, Rejection> {
        match text.trim().to_ascii_lowercase().as_str() {
            "true" | "1" | "on" | "yes" => Ok(true),
            "false" | "0" | "off" | "no" => Ok(false),
            _ => kind.reject(),
        }
    }
}

macro_rules! integers {
    ($($type:ty),*) => {$(
        impl Setting for $type {
            fn parse(text: &str, kind: &Kind) -> Result<Self, Rejection> {
                let number = text.trim().parse::<i64>().ok();
                number
                    .filter(|number| match *kind {
                        Kind::Integer { min, max } => (min..=max).contains(number),
                        _ => false,
                    })
                    .and_then(|number| Self::try_from(number).ok())
                    .map_or_else(|| kind.reject(), Ok)
            }
        }
    )*};
}

integers!(u16, u32, usize);

impl Setting for Duration {
    fn parse(text: &str, kind: &Kind) -> Result<Self, Rejection> {
        let Kind::Seconds { min } = *kind else {
            return kind.reject();
        };
        let seconds = text.trim().parse::<f64>().ok();
        seconds
            .filter(|seconds| *seconds >= f64::from(min))
            .and_then(|seconds| Self::try_from_secs_f64(seconds).ok())
            .map_or_else(|| kind.reject(), Ok)
    }
}

impl Setting for String {
    fn parse(text: &str, kind: &Kind) -> Result<Self, Rejection> {
        let text = text.trim();
        let good = match *kind {
            Kind::Text => !text.is_empty(),
            Kind::Id => is_word(text),
            Kind::Matching { test, .. } => test(text),
            Kind::HostPort => is_host_port(text),
            _ => false,
        };
        if good {
            Ok(text.to_owned())
        } else {
            kind.reject()
        }
    }
}

impl Setting for PathBuf {
    fn parse(text: &str, kind: &Kind) -> Result<Self, Rejection> {
        if text.trim().is_empty() || text.contains('\0') {
            return kind.reject();
        }
        Ok(Self::from(text.trim()))
    }
}

impl Setting for Url {
    fn parse(text: &str, kind: &Kind) -> Result<Self, Rejection> {
        match Self::parse(text.trim()) {
            Ok(url) if matches!(url.scheme(), "http" | "https") && url.has_host() => Ok(url),
            _ => kind.reject(),
        }
    }
}

impl Setting for Secret {
    fn parse(text: &str, kind: &Kind) -> Result<Self, Rejection> {
        if text.is_empty() {
            return kind.reject();
        }
        Ok(Self::new(text))
    }
}

impl<T: Setting> Setting for Vec<T> {
    /// Each item is read as a [`Kind::Choice`] of a list of choices, else as a
    /// [`Kind::Id`].
    fn parse(text: &str, kind: &Kind) -> Result<Self, Rejection> {
        let item_kind = match *kind {
            Kind::Choices(words) => Kind::Choice(words),
            _ => Kind::Id,
        };
        items(text)
            .into_iter()
            .map(|item| {
                T::parse(item, &item_kind).map_err(|rejection| Rejection {
                    expected: format!("each item to be {}, not {item:?}", rejection.expected),
                    ..rejection
                })
            })
            .collect()
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

impl Setting for BTreeMap<String, String> {
    /// oslo.config `types.Dict`.
    fn parse(text: &str, kind: &Kind) -> Result<Self, Rejection> {
        let mut map = Self::new();
        for item in items(text) {
            let Some((key, value)) = item.split_once(':') else {
                return kind.reject();
            };
            let (key, value) = (key.trim(), value.trim());
            if !is_word(key) || !is_word(value) || map.insert(key.into(), value.into()).is_some() {
                return kind.reject();
            }
        }
        Ok(map)
    }

    fn absent() -> Option<Self> {
        Some(Self::new())
    }
}

/// The items of a list: between commas and line ends; empty ones don't count.
pub(crate) fn items(text: &str) -> Vec<&str> {
    text.split([',', '\n'])
        .map(str::trim)
        .filter(|item| !item.is_empty())
        .collect()
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

fn is_host_port(text: &str) -> bool {
    text.rsplit_once(':')
        .is_some_and(|(host, port)| is_word(host) && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const SMALL: Kind = Kind::Integer { min: 1, max: 64 };

    fn expected<T: Setting + std::fmt::Debug>(text: &str, kind: &Kind) -> String {
        T::parse(text, kind).map_or_else(|why| why.to_string(), |value| format!("took {value:?}"))
    }

    #[test]
    fn booleans_are_those_of_oslo_config() {
        for text in ["true", "True", "1", "on", "YES", " yes "] {
            assert_eq!(bool::parse(text, &Kind::Bool), Ok(true), "{text}");
        }
        for text in ["false", "0", "Off", "no"] {
            assert_eq!(bool::parse(text, &Kind::Bool), Ok(false), "{text}");
        }
        for text in ["", "2", "truee", "none"] {
            assert!(bool::parse(text, &Kind::Bool).is_err(), "{text}");
        }
    }

    #[test]
    fn a_number_keeps_to_its_range() {
        assert_eq!(u32::parse(" 64 ", &SMALL), Ok(64));
        for text in ["0", "65", "", "1.5", "many", "99999999999999999999"] {
            assert_eq!(expected::<u32>(text, &SMALL), "an integer from 1 to 64");
        }
        let any = Kind::Integer {
            min: 0,
            max: i64::MAX,
        };
        assert_eq!(expected::<u16>("65536", &any), "an integer of 0 or more");
    }

    #[test]
    fn seconds_take_decimals_and_refuse_what_is_no_time() {
        let kind = Kind::Seconds { min: 1 };
        assert_eq!(
            Duration::parse("1.5", &kind),
            Ok(Duration::from_millis(1500))
        );
        for text in ["0.5", "-1", "nan", "inf", "1e300", "5s", ""] {
            assert_eq!(
                expected::<Duration>(text, &kind),
                "a number of seconds, 1 or more"
            );
        }
    }

    #[test]
    fn lists_and_maps_split_on_commas_and_lines() {
        let list = Vec::<String>::parse(" a, b,\nc\nd,", &Kind::List);
        assert_eq!(
            list,
            Ok(vec!["a".into(), "b".into(), "c".into(), "d".into()])
        );
        let map = BTreeMap::<String, String>::parse("a:1, b:x:y", &Kind::Map);
        assert_eq!(
            map,
            Ok(BTreeMap::from([
                ("a".into(), "1".into()),
                ("b".into(), "x:y".into())
            ]))
        );
        for text in ["a", "a:1,a:2", ":1", "a:"] {
            assert!(BTreeMap::parse(text, &Kind::Map).is_err(), "{text}");
        }
        assert_eq!(
            expected::<Vec<String>>("a, b c", &Kind::List),
            "each item to be a name or id without white space, not \"b c\""
        );
    }

    #[test]
    fn urls_have_a_scheme_and_a_host() {
        assert!(<Url as Setting>::parse("https://[::1]:6443/x", &Kind::Url).is_ok());
        for text in ["", "localhost:6443", "ftp://x", "https://", "http:// x"] {
            assert!(<Url as Setting>::parse(text, &Kind::Url).is_err(), "{text}");
        }
    }

    #[test]
    fn an_empty_option_is_unset() {
        assert_eq!(Option::<String>::parse("  ", &Kind::Id), Ok(None));
        assert_eq!(
            Option::<String>::parse("x", &Kind::Id),
            Ok(Some("x".into()))
        );
    }

    proptest! {
        #[test]
        fn no_text_panics(text in "\\PC{0,40}") {
            for kind in [Kind::Bool, SMALL, Kind::Seconds { min: 0 }, Kind::List, Kind::Map, Kind::Url] {
                let _ = bool::parse(&text, &kind);
                let _ = u32::parse(&text, &kind);
                let _ = Duration::parse(&text, &kind);
                let _ = Vec::<String>::parse(&text, &kind);
                let _ = BTreeMap::<String, String>::parse(&text, &kind);
                let _ = <Url as Setting>::parse(&text, &kind);
            }
        }

        #[test]
        fn a_list_is_read_back(list in prop::collection::vec("[a-zA-Z0-9_.:-]{1,12}", 0..6)) {
            prop_assert_eq!(Vec::<String>::parse(&list.join(", "), &Kind::List), Ok(list));
        }
    }
}
