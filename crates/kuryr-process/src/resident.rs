//! Memory of this process.

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric};
use prometheus_client::metrics::MetricType;
use prometheus_client::metrics::gauge::ConstGauge;

/// `process_resident_memory_bytes`, read when it is asked for (proc(5), `statm`).
#[derive(Debug)]
pub struct Resident;

impl Collector for Resident {
    fn encode(&self, mut encoder: DescriptorEncoder) -> Result<(), std::fmt::Error> {
        let resident = ConstGauge::new(resident_bytes());
        let metric = encoder.encode_descriptor(
            "process_resident_memory_bytes",
            "Resident memory of this process",
            None,
            MetricType::Gauge,
        )?;
        resident.encode(metric)
    }
}

/// Resident memory of this process, bytes; 0 if the kernel does not say.
fn resident_bytes() -> i64 {
    let page = i64::try_from(rustix::param::page_size()).unwrap_or(4096);
    let statm = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|p| p.parse::<i64>().ok());
    pages.unwrap_or(0) * page
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_has_memory() {
        assert!(resident_bytes() > 0);
    }
}
