//! One figure of one pattern against message size: both systems and the limit, with the lowest and highest runs.

use plotters::prelude::*;

use crate::cell::System;
use crate::figures::{Figure, Row, Spread};

/// Width and height, pixels.
const SIZE: (u32, u32) = (380, 250);

/// A picture as an SVG element. `rows` are of one backend, target, placement, pattern and figure.
pub(super) fn svg(title: &str, figure: Figure, rows: &[&Row]) -> Result<String, String> {
    let mut svg = String::new();
    draw(&mut svg, title, figure, rows)?;
    Ok(svg)
}

/// The colours of the systems; they differ in lightness too.
pub(super) fn color(system: System) -> RGBColor {
    match system {
        System::Kuryr => RGBColor(0, 96, 160),
        System::Sdn => RGBColor(222, 120, 20),
        System::Vm => RGBColor(150, 150, 150),
    }
}

/// Where a value is on the axis: throughput in Gbit/s by its logarithm, since sizes reach over four orders of it;
/// latency as it is.
fn placed(figure: Figure, value: f64) -> f64 {
    match figure {
        Figure::ThroughputBitsPerS => (value / 1e9).log10(),
        _ => value,
    }
}

/// The axis' range: latencies from 0, throughputs by decades.
fn range(figure: Figure, spreads: &[Spread]) -> (f64, f64) {
    let of = |end: fn(&Spread) -> f64| spreads.iter().map(move |s| placed(figure, end(s)));
    let lowest = of(|s| s.low).fold(f64::INFINITY, f64::min);
    let highest = of(|s| s.high).fold(f64::NEG_INFINITY, f64::max);
    match figure {
        Figure::ThroughputBitsPerS => (lowest.floor(), highest.ceil().max(lowest.floor() + 1.0)),
        _ => (0.0, highest.max(1e-3) * 1.08),
    }
}

/// What stands at a place of the axis.
fn axis_label(figure: Figure, at: f64) -> String {
    match figure {
        Figure::ThroughputBitsPerS => {
            let text = format!("{:.3}", 10_f64.powf(at));
            text.trim_end_matches('0').trim_end_matches('.').to_owned()
        }
        _ => format!("{at:.0}"),
    }
}

fn unit(figure: Figure) -> &'static str {
    match figure {
        Figure::ThroughputBitsPerS => "Gbit/s",
        Figure::AnswersPerS => "answers/s",
        Figure::LatencyP50Us | Figure::LatencyP99Us => "µs",
    }
}

fn of(row: &Row, system: System) -> Option<Spread> {
    match system {
        System::Kuryr => Some(row.kuryr),
        System::Sdn => Some(row.sdn),
        System::Vm => row.vm,
    }
}

fn draw(svg: &mut String, title: &str, figure: Figure, rows: &[&Row]) -> Result<(), String> {
    let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
    area.fill(&WHITE).map_err(text)?;
    let spreads = rows
        .iter()
        .flat_map(|row| System::ALL.iter().filter_map(|system| of(row, *system)));
    let (lowest, highest) = range(figure, &spreads.collect::<Vec<_>>());
    let sizes: Vec<usize> = rows.iter().map(|row| row.size).collect();
    let last = i32::try_from(sizes.len().saturating_sub(1)).unwrap_or(0);
    // Each size has the same room: they are powers of four.
    let label = |at: &f64| {
        let near = at.round();
        if (at - near).abs() > 0.01 || near < 0.0 {
            return String::new();
        }
        #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)]
        sizes
            .get(near as usize)
            .map(usize::to_string)
            .unwrap_or_default()
    };
    let mut chart = ChartBuilder::on(&area)
        .caption(title, ("sans-serif", 14))
        .margin(6)
        .x_label_area_size(34)
        .y_label_area_size(52)
        .build_cartesian_2d(-0.3..f64::from(last) + 0.3, lowest..highest)
        .map_err(text)?;
    chart
        .configure_mesh()
        .light_line_style(WHITE)
        .x_labels(sizes.len().max(2) * 2)
        .y_labels(match figure {
            // A decade each.
            Figure::ThroughputBitsPerS => 4,
            _ => 6,
        })
        .y_label_formatter(&|at| axis_label(figure, *at))
        .x_label_formatter(&label)
        .x_desc("bytes")
        .y_desc(unit(figure))
        .disable_x_mesh()
        .draw()
        .map_err(text)?;
    for (shift, system) in [
        (-0.06, System::Vm),
        (0.0, System::Sdn),
        (0.06, System::Kuryr),
    ] {
        let color = color(system);
        let points = rows.iter().zip(0_i32..).filter_map(|(row, at)| {
            let spread = of(row, system)?;
            let [low, mean, high] =
                [spread.low, spread.mean, spread.high].map(|value| placed(figure, value));
            Some((f64::from(at) + shift, low, mean, high))
        });
        let points: Vec<(f64, f64, f64, f64)> = points.collect();
        let line = points.iter().map(|(x, _, mean, _)| (*x, *mean));
        let style = color.stroke_width(2);
        chart
            .draw_series(LineSeries::new(line, style))
            .map_err(text)?;
        let bars = points.iter().map(|(x, low, mean, high)| {
            ErrorBar::new_vertical(*x, *low, *mean, *high, color.filled(), 5)
        });
        chart.draw_series(bars).map_err(text)?;
    }
    area.present().map_err(text)
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}
