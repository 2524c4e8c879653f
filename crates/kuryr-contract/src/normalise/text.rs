//! Names inside of text.

use std::sync::LazyLock;

use regex::{Captures, Regex};

use super::Names;

/// Values with a form of their own. The first alternative that fits counts.
static FORMS: LazyLock<Option<Regex>> = LazyLock::new(|| {
    let uuid = "[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}";
    let forms = [
        format!("(?P<request>req-{uuid})"),
        format!(r"(?P<id>\b{uuid}\b|\b[0-9a-f]{{32}}\b)"),
        r"(?P<bridge>\btbr-[0-9a-f-]{10})".to_owned(),
        r"(?P<time>\b\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|[+-]\d\d:\d\d)?)".to_owned(),
        r"(?P<mac>\b(?:[0-9a-f]{2}:){5}[0-9a-f]{2}\b)".to_owned(),
        r"(?P<token>\bgAAAA[\w=-]+)".to_owned(),
        r"(?P<secret>\bdefault-token-[a-z0-9]{5}\b)".to_owned(),
        r"(?P<host>\bhost(?:-[0-9a-f]*){4,})".to_owned(),
        r"(?P<address>\d{1,3}(?:\.\d{1,3}){3}\b(?:/\d+)?)".to_owned(),
        r"(?P<said>current revision is |resource version: \d+ \()(?P<number>\d+|<[^>]*>)"
            .to_owned(),
    ];
    Regex::new(&forms.join("|")).ok()
});

impl Names {
    /// Text with names in it.
    pub(super) fn text(&mut self, text: &str) -> String {
        let text = self.bound(text);
        match FORMS.as_ref() {
            None => text,
            Some(forms) => forms
                .replace_all(&text, |found: &Captures| self.form(found))
                .into_owned(),
        }
    }

    /// Replaces what has a name already, the longest first.
    fn bound(&self, text: &str) -> String {
        if let Some(name) = self.given.get(text) {
            return name.clone();
        }
        let mut values: Vec<_> = self.given.iter().filter(|(v, _)| !is_address(v)).collect();
        values.sort_by_key(|(value, _)| std::cmp::Reverse(value.len()));
        values
            .into_iter()
            .fold(text.to_owned(), |text, (value, name)| {
                text.replace(value.as_str(), name)
            })
    }

    fn form(&mut self, found: &Captures) -> String {
        let whole = found.get(0).map_or("", |m| m.as_str());
        for kind in ["id", "mac", "token"] {
            if found.name(kind).is_some() {
                return self.named(kind, whole);
            }
        }
        if found.name("request").is_some() {
            return "<request>".to_owned();
        }
        if found.name("bridge").is_some() {
            return "<trunk's bridge>".to_owned();
        }
        if found.name("secret").is_some() {
            return "<default token's secret>".to_owned();
        }
        if found.name("host").is_some() {
            return "<host>".to_owned();
        }
        if found.name("time").is_some() {
            return self.time(whole);
        }
        if found.name("address").is_some() {
            return self
                .given
                .get(whole)
                .cloned()
                .unwrap_or_else(|| whole.to_owned());
        }
        format!("{}<number>", found.name("said").map_or("", |m| m.as_str()))
    }

    fn time(&self, time: &str) -> String {
        if self.knows(time) {
            return time.to_owned();
        }
        time.chars()
            .map(|c| if c.is_ascii_digit() { '0' } else { c })
            .collect()
    }
}

/// IPv4 addresses are replaced as a whole only: one may begin as another.
fn is_address(value: &str) -> bool {
    value.parse::<std::net::Ipv4Addr>().is_ok()
}

/// Whether it is a time span as Kubernetes writes it in tables: numbers with their units, from days to seconds.
pub(super) fn is_age(text: &str) -> bool {
    static AGE: LazyLock<Option<Regex>> = LazyLock::new(|| Regex::new(r"^(\d+[ydhms])+$").ok());
    AGE.as_ref().is_some_and(|age| age.is_match(text))
}
