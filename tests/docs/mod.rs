//! README.md and docs/ are right: their commands run and print what stands there, their links lead somewhere, their tables list what there
//! is.

/// Blocks of code in Markdown; the program's own tests use it too.
mod blocks;
/// The tables of comments in docs/formats.md, hubble.md, spans.md.
mod comments;
/// docs/envoy.md, with a real Envoy.
mod configuration;
/// Blocks with commands and their output.
mod consoles;
/// docs/json.md.
mod json;
/// Links inside the repository.
mod links;
/// docs/troubleshooting.md.
mod messages;

use std::path::{Path, PathBuf};

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

#[track_caller]
fn read(path: impl AsRef<Path>) -> String {
    let path = root().join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// All files of Markdown in the repository, relative to it.
fn documents() -> Vec<PathBuf> {
    let is_ours = |entry: &walkdir::DirEntry| !matches!(entry.file_name().to_str(), Some("target" | ".git"));
    let entries = walkdir::WalkDir::new(root()).sort_by_file_name().into_iter().filter_entry(is_ours);
    let paths = entries.map(|entry| entry.expect("an entry").into_path());
    let documents = paths.filter(|path| path.extension().is_some_and(|ending| ending == "md"));
    documents.map(|path| path.strip_prefix(root()).expect("below it").to_owned()).collect()
}

#[test]
fn the_readme_is_short() {
    assert!(read("README.md").lines().count() <= 180);
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
