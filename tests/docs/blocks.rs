//! The blocks of code in README.md and docs/.

use std::path::{Path, PathBuf};

/// What stands between two lines of three backticks.
#[derive(Debug)]
pub(crate) struct Block {
    /// The file and the line of its first line, for people.
    pub(crate) place: String,
    /// Such as `sh`.
    pub(crate) language: String,
    /// Its lines, each with its end.
    pub(crate) text: String,
}

/// The blocks of README.md and of all files in docs/.
pub(crate) fn blocks() -> Vec<Block> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let docs = std::fs::read_dir(root.join("docs")).expect("docs/");
    let docs = docs.map(|entry| entry.expect("an entry").path());
    let mut files: Vec<PathBuf> =
        docs.filter(|path| path.extension().is_some_and(|ending| ending == "md")).collect();
    files.push(root.join("README.md"));
    files.sort();
    let blocks = files.iter().flat_map(|path| {
        let name = path.strip_prefix(root).expect("below it").display().to_string();
        of(&name, &std::fs::read_to_string(path).expect("text"))
    });
    blocks.collect()
}

fn of(name: &str, markdown: &str) -> Vec<Block> {
    let mut blocks = Vec::new();
    let mut open: Option<Block> = None;
    for (number, line) in markdown.lines().enumerate() {
        match (line.strip_prefix("```"), &mut open) {
            (Some(_), Some(_)) => blocks.extend(open.take()),
            (Some(language), None) => {
                let place = format!("{name}:{}", number + 2);
                open = Some(Block { place, language: language.to_owned(), text: String::new() });
            }
            (None, Some(block)) => {
                block.text += line;
                block.text.push('\n');
            }
            (None, None) => {}
        }
    }
    assert!(open.is_none(), "a block of {name} does not end");
    blocks
}
