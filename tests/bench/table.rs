//! What was measured, as a person reads it.

use std::{fmt, time::Duration};

/// A line, column by column.
type Cells = [String; 6];

/// The titles of the columns.
const HEAD: [&str; 6] = ["", "value", "reference", "ratio", "target", ""];

/// One thing measured.
#[derive(Debug, Default)]
pub(crate) struct Row {
    name: String,
    value: String,
    reference: String,
    ratio: Option<f64>,
    target: String,
    reached: Option<bool>,
}

impl Row {
    /// A value by itself.
    pub(crate) fn new(name: impl Into<String>, value: impl Into<String>) -> Self {
        Self { name: name.into(), value: value.into(), ..Self::default() }
    }

    /// With what it is compared to: that value is `ratio` times the reference.
    pub(crate) fn against(self, reference: impl Into<String>, ratio: f64) -> Self {
        Self { reference: reference.into(), ratio: Some(ratio), ..self }
    }

    /// With the highest ratio that is good.
    pub(crate) fn at_most(self, limit: f64) -> Self {
        let reached = self.ratio.is_some_and(|ratio| ratio <= limit);
        self.target(format!("≤ {limit} ×"), reached)
    }

    /// With what is good, and whether it was reached.
    pub(crate) fn target(self, target: impl Into<String>, reached: bool) -> Self {
        Self { target: target.into(), reached: Some(reached), ..self }
    }

    fn cells(&self) -> Cells {
        let ratio = self.ratio.map(|ratio| format!("{ratio:.2} ×")).unwrap_or_default();
        let verdict = match self.reached {
            None => "",
            Some(true) => "ok",
            Some(false) => "missed",
        };
        let Self { name, value, reference, target, .. } = self;
        [name.clone(), value.clone(), reference.clone(), ratio, target.clone(), verdict.to_owned()]
    }
}

/// Sections of rows.
#[derive(Debug, Default)]
pub(crate) struct Table(Vec<(String, Vec<Row>)>);

impl Table {
    /// Begins a section.
    pub(crate) fn section(&mut self, title: impl Into<String>) {
        let title = title.into();
        eprintln!("measuring: {title}");
        self.0.push((title, Vec::new()));
    }

    /// Adds a row to the section.
    pub(crate) fn row(&mut self, row: Row) {
        if let Some((_, rows)) = self.0.last_mut() {
            rows.push(row);
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let head = HEAD.map(str::to_owned);
        let sections: Vec<(&str, Vec<Cells>)> = (self.0.iter())
            .map(|(title, rows)| (title.as_str(), rows.iter().map(Row::cells).collect()))
            .collect();
        let lines = || sections.iter().flat_map(|(_, rows)| rows).chain([&head]);
        let widths = std::array::from_fn(|column| {
            lines().map(|cells| cells[column].chars().count()).max().unwrap_or(0)
        });
        write_line(f, &head, widths)?;
        for (title, rows) in &sections {
            writeln!(f, "\n{title}")?;
            for cells in rows {
                write_line(f, cells, widths)?;
            }
        }
        Ok(())
    }
}

/// Numbers to the right, words to the left.
fn write_line(f: &mut fmt::Formatter<'_>, cells: &Cells, widths: [usize; 6]) -> fmt::Result {
    let [name, value, reference, ratio, target, verdict] = cells;
    let [w0, w1, w2, w3, w4, _] = widths;
    let line = format!(
        "  {name:<w0$}  {value:>w1$}  {reference:>w2$}  {ratio:>w3$}  {target:<w4$}  {verdict}"
    );
    writeln!(f, "{}", line.trim_end())
}

/// A duration in milliseconds.
pub(crate) fn ms(duration: Duration) -> String {
    let ms = duration.as_secs_f64() * 1_000.0;
    if ms < 10.0 { format!("{ms:.2} ms") } else { format!("{ms:.0} ms") }
}

/// How many times `reference` a duration is.
pub(crate) fn ratio(duration: Duration, reference: Duration) -> f64 {
    duration.as_secs_f64() / reference.as_secs_f64()
}
