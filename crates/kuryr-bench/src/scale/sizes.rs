//! A restart at each of several sizes, of pods that were put there: how time and memory grow.

use super::page::{Page, SizeRow};
use super::phases::{Bench, count};
use super::{Options, Size};
use crate::{BenchError, Report};

pub(super) async fn run(
    options: &Options,
    report: &mut Report,
    page: &mut Page,
) -> Result<(), BenchError> {
    let mut sizes = options.sizes.clone();
    sizes.sort_by_key(|size| size.pods);
    let most = sizes.last().map_or(0, |size| size.pods);
    let mut bench = Bench::start(options, most).await?;
    for size in sizes {
        bench.run.site.grow(size.nodes)?;
        bench.seed(size.pods).await?;
        let row = measure(&mut bench, size).await?;
        let label = size.label();
        report.figure(&format!("restart_{label}_s"), row.restart);
        report.figure(
            &format!("restart_{label}_changing_calls"),
            count(row.changes),
        );
        report.figure(&format!("rss_{label}_mb"), row.rss);
        report.figure(&format!("rss_peak_{label}_mb"), row.peak);
        report.figure(&format!("restart_{label}_cpu_s"), row.cpu);
        page.size(row);
    }
    Ok(())
}

async fn measure(bench: &mut Bench, size: Size) -> Result<SizeRow, BenchError> {
    let restarted = bench.restart().await?;
    let cpu = bench.usage().cpu_s;
    bench.run.settle().await?;
    let usage = bench.usage();
    bench.run.kill().await?;
    Ok(SizeRow {
        size,
        restart: restarted.synced + restarted.probe,
        changes: restarted.changes,
        rss: usage.rss_mb,
        peak: usage.peak_mb,
        cpu,
    })
}
