//! Lays a table out in at most 100 columns.

use std::fmt::{self, Write};

/// The widest that a table may be, in columns.
const WIDTH: usize = 100;
/// What gives way keeps this much.
const NARROWEST: usize = 6;
const GAP: &str = "  ";

/// The columns of a table. The last one has notes, which are cut where all else is still too wide: the warnings below say
/// them too.
pub(super) struct Columns<const N: usize> {
    pub(super) headings: [&'static str; N],
    /// Those that hold numbers stand to the right.
    pub(super) numbers: &'static [usize],
    /// Those that give way where the table would be too wide.
    pub(super) yielding: &'static [usize],
}

impl<const N: usize> Columns<N> {
    /// Writes the headings and the rows.
    pub(super) fn write(&self, rows: &[[String; N]], out: &mut impl Write) -> fmt::Result {
        let mut widths = self.headings.map(str::len);
        for row in rows {
            for (width, cell) in widths.iter_mut().zip(row) {
                *width = (*width).max(cell.chars().count());
            }
        }
        let mut over = (widths.iter().sum::<usize>() + (N - 1) * GAP.len()).saturating_sub(WIDTH);
        while over > 0
            && let Some(&widest) = self.yielding.iter().max_by_key(|&&column| widths[column])
            && widths[widest] > NARROWEST
        {
            widths[widest] -= 1;
            over -= 1;
        }
        widths[N - 1] -= over.min(widths[N - 1] - self.headings[N - 1].len());
        self.write_row(&self.headings.map(str::to_owned), &widths, out)?;
        rows.iter().try_for_each(|row| self.write_row(row, &widths, out))
    }

    fn write_row(&self, cells: &[String; N], widths: &[usize; N], out: &mut impl Write) -> fmt::Result {
        let mut line = String::new();
        for (column, cell) in cells.iter().enumerate() {
            let width = widths[column];
            let cell = if column == N - 1 { cell.chars().take(width).collect() } else { elided(cell, width) };
            let gap = if column > 0 { GAP } else { "" };
            if self.numbers.contains(&column) {
                write!(line, "{gap}{cell:>width$}")?;
            } else {
                write!(line, "{gap}{cell:<width$}")?;
            }
        }
        writeln!(out, "{}", line.trim_end())
    }
}

/// The end of a text that is too long says more than its beginning: it is where an address has its port.
fn elided(text: &str, width: usize) -> String {
    let length = text.chars().count();
    if length <= width {
        return text.to_owned();
    }
    let end: String = text.chars().skip(length + 1 - width).collect();
    format!("…{end}")
}

/// The time of day of `2026-11-20T10:58:36.880974Z`.
pub(super) fn time_of_day(time: Option<&str>) -> String {
    time.map_or("", |time| time.get(11..19).unwrap_or(time)).to_owned()
}

/// To the millisecond, unless there are many.
pub(super) fn seconds(first: Option<u64>, last: u64) -> String {
    let Some(first) = first else { return String::new() };
    let seconds = (last as f64 - first as f64) / 1e9;
    if seconds.abs() < 1000.0 { format!("{seconds:.3}") } else { format!("{seconds:.0}") }
}
