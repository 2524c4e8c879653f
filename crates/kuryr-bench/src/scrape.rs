//! Calls and memory, from the parts' own metrics.

use std::collections::BTreeMap;

use crate::BenchError;

/// One reading of a part's metrics: sample name with labels, to value.
#[derive(Clone, Debug, Default)]
pub struct Scrape(BTreeMap<String, f64>);

impl Scrape {
    /// Reads `/metrics`.
    ///
    /// # Errors
    /// [`BenchError::Metrics`] if it does not answer with metrics.
    pub async fn read(url: &str) -> Result<Self, BenchError> {
        let failed = |message: String| BenchError::Metrics {
            url: url.to_owned(),
            message,
        };
        let answer = reqwest::get(url).await.map_err(|e| failed(e.to_string()))?;
        let answer = answer
            .error_for_status()
            .map_err(|e| failed(e.to_string()))?;
        let text = answer.text().await.map_err(|e| failed(e.to_string()))?;
        Ok(Self::parse(&text))
    }

    /// Reads the text format; what is no sample is passed over.
    #[must_use]
    pub fn parse(text: &str) -> Self {
        let samples = text
            .lines()
            .filter(|l| !l.starts_with('#'))
            .filter_map(|line| {
                let (name, value) = line.rsplit_once(' ')?;
                Some((name.to_owned(), value.parse().ok()?))
            });
        Self(samples.collect())
    }

    /// Requests to Neutron so far, by operation.
    #[must_use]
    pub fn neutron_calls(&self) -> BTreeMap<String, f64> {
        self.calls("network")
    }

    /// Requests to Octavia so far, by operation.
    #[must_use]
    pub fn octavia_calls(&self) -> BTreeMap<String, f64> {
        self.calls("load-balancer")
    }

    /// Requests to a service so far, logins not counted, by operation.
    fn calls(&self, service: &str) -> BTreeMap<String, f64> {
        let mut calls = BTreeMap::new();
        let prefix = "kuryr_openstack_request_duration_seconds_count{";
        for (name, value) in &self.0 {
            let Some(labels) = name.strip_prefix(prefix) else {
                continue;
            };
            if label(labels, "service") != Some(service) {
                continue;
            }
            if let Some(operation) = label(labels, "operation").filter(|o| *o != "login") {
                *calls.entry(operation.to_owned()).or_default() += value;
            }
        }
        calls
    }

    /// Neutron ports that pods have, and ports that no pod has.
    #[must_use]
    pub fn ports(&self) -> Ports {
        let of = |state: &str| {
            let name = format!("kuryr_ports{{state=\"{state}\"}}");
            self.0.get(&name).copied().unwrap_or_default()
        };
        Ports {
            used: of("used"),
            free: of("free"),
        }
    }

    /// Resident memory, MB.
    #[must_use]
    pub fn rss_mb(&self) -> Option<f64> {
        self.0.get("process_resident_memory_bytes").map(|b| b / 1e6)
    }
}

/// How many Neutron ports the controller has.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Ports {
    /// Ports of pods.
    pub used: f64,
    /// Ports in pools, and those that are about to be deleted.
    pub free: f64,
}

fn label<'a>(labels: &'a str, name: &str) -> Option<&'a str> {
    let start = labels.find(&format!("{name}=\""))? + name.len() + 2;
    labels.get(start..)?.split('"').next()
}

/// What was called between two readings.
#[must_use]
pub fn between(
    before: &BTreeMap<String, f64>,
    after: &BTreeMap<String, f64>,
) -> BTreeMap<String, f64> {
    after
        .iter()
        .map(|(k, v)| (k.clone(), v - before.get(k).unwrap_or(&0.0)))
        .filter(|(_, v)| *v > 0.0)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_counted_over_outcomes_and_logins_left_out() {
        let scrape = Scrape::parse(concat!(
            "# HELP x\n",
            "kuryr_openstack_request_duration_seconds_count{service=\"network\",operation=\"list_ports\",outcome=\"ok\"} 4\n",
            "kuryr_openstack_request_duration_seconds_count{service=\"network\",operation=\"list_ports\",outcome=\"timeout\"} 1\n",
            "kuryr_openstack_request_duration_seconds_count{service=\"identity\",operation=\"login\",outcome=\"ok\"} 2\n",
            "kuryr_openstack_request_duration_seconds_count{service=\"load-balancer\",operation=\"set_members\",outcome=\"ok\"} 3\n",
            "process_resident_memory_bytes 5000000\nnonsense\n",
        ));
        assert_eq!(
            scrape.neutron_calls(),
            BTreeMap::from([("list_ports".into(), 5.0)])
        );
        assert_eq!(
            scrape.octavia_calls(),
            BTreeMap::from([("set_members".into(), 3.0)])
        );
        assert_eq!(scrape.rss_mb(), Some(5.0));
    }
}
