//! README.md and docs/ are right: their commands run and print what stands there, their links lead somewhere, their tables list what there
//! is.

/// docs/json.md.
mod json;

use std::path::Path;

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The cells of all rows of the tables in a piece of Markdown, without those of the headings.
fn rows(markdown: &str) -> Vec<Vec<&str>> {
    let mut rows: Vec<Vec<&str>> = Vec::new();
    for line in markdown.lines() {
        match line.strip_prefix('|') {
            // The line below a heading.
            Some(cells) if cells.starts_with("---") => drop(rows.pop()),
            Some(cells) => rows.push(cells.trim_end_matches('|').split('|').map(str::trim).collect()),
            None => {}
        }
    }
    rows
}
