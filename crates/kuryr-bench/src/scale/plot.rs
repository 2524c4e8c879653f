//! Lines on axes, as SVG.

use plotters::prelude::*;

use crate::BenchError;

/// Width and height, pixels.
const SIZE: (u32, u32) = (900, 420);

#[derive(Clone, Debug, Default)]
pub(super) struct Plot {
    pub(super) title: String,
    /// What the axes say.
    pub(super) axes: [String; 2],
    pub(super) lines: Vec<Line>,
    /// Moments, with a word each.
    pub(super) marks: Vec<(f64, String)>,
    /// Whether each point is shown.
    pub(super) dots: bool,
}

/// A named line.
#[derive(Clone, Debug, Default)]
pub(super) struct Line {
    pub(super) name: String,
    pub(super) points: Vec<(f64, f64)>,
}

impl Plot {
    /// The plot as an SVG document.
    pub(super) fn svg(&self) -> Result<String, BenchError> {
        let mut svg = String::new();
        let drawn = self.draw(&mut svg);
        drawn.map_err(|message| BenchError::Cloud {
            what: format!("draw the plot {:?}", self.title),
            message,
        })?;
        Ok(svg)
    }

    fn most(&self, of: fn(&(f64, f64)) -> f64) -> f64 {
        let points = self.lines.iter().flat_map(|line| &line.points);
        points.map(of).fold(0.0, f64::max).max(1e-3)
    }

    fn draw(&self, svg: &mut String) -> Result<(), String> {
        let area = SVGBackend::with_string(svg, SIZE).into_drawing_area();
        area.fill(&WHITE).map_err(text)?;
        let (x, y) = (self.most(|p| p.0), self.most(|p| p.1) * 1.05);
        let mut chart = ChartBuilder::on(&area)
            .caption(&self.title, ("sans-serif", 20))
            .margin(14)
            .x_label_area_size(42)
            .y_label_area_size(70)
            .build_cartesian_2d(0.0..x, 0.0..y)
            .map_err(text)?;
        chart
            .configure_mesh()
            .light_line_style(WHITE)
            .x_desc(self.axes[0].as_str())
            .y_desc(self.axes[1].as_str())
            .draw()
            .map_err(text)?;
        for (at, word) in &self.marks {
            let line = [(*at, 0.0), (*at, y)];
            let grey = RGBColor(150, 150, 150);
            chart
                .draw_series(LineSeries::new(line, grey))
                .map_err(text)?;
            let style = ("sans-serif", 12).into_font().color(&RGBColor(90, 90, 90));
            let label = Text::new(word.clone(), (*at + x / 200.0, y), style);
            chart.draw_series([label]).map_err(text)?;
        }
        for (number, line) in self.lines.iter().enumerate() {
            let color = Palette99::pick(number).to_rgba();
            let drawn = chart
                .draw_series(LineSeries::new(line.points.clone(), color.stroke_width(2)))
                .map_err(text)?;
            drawn.label(&line.name).legend(move |(x, y)| {
                PathElement::new(vec![(x, y), (x + 18, y)], color.stroke_width(2))
            });
            if self.dots {
                let dots = line.points.iter();
                let dots = dots.map(|at| Circle::new(*at, 4, color.filled()));
                chart.draw_series(dots).map_err(text)?;
            }
        }
        chart
            .configure_series_labels()
            .position(SeriesLabelPosition::UpperLeft)
            .background_style(WHITE.mix(0.85))
            .border_style(RGBColor(200, 200, 200))
            .draw()
            .map_err(text)?;
        area.present().map_err(text)
    }
}

fn text(error: impl std::fmt::Display) -> String {
    error.to_string()
}

#[cfg(test)]
#[allow(clippy::unwrap_used)]
mod tests {
    use super::*;

    #[test]
    fn a_plot_names_its_lines_and_marks() {
        let plot = Plot {
            title: "Calls".to_owned(),
            axes: ["s".to_owned(), "calls/s".to_owned()],
            lines: vec![Line {
                name: "list ports".to_owned(),
                points: vec![(0.0, 1.0), (1.0, 4.0)],
            }],
            marks: vec![(0.5, "restart".to_owned())],
            dots: true,
        };
        let svg = plot.svg().unwrap();
        assert!(svg.starts_with("<svg") && svg.trim_end().ends_with("</svg>"));
        for word in ["Calls", "calls/s", "list ports", "restart"] {
            assert!(svg.contains(word), "{word}");
        }
    }

    #[test]
    fn a_plot_of_nothing_is_drawn() {
        assert!(Plot::default().svg().unwrap().contains("<svg"));
    }
}
