//! The rooms of the source: no room imports from a higher one, so there is no circle among them; and there is none among the files of
//! a room.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// The rooms, from low to high: each imports only from those before it. ARCHITECTURE.md says what they are for.
const ROOMS: [&str; 28] = [
    "quantity",
    "protobuf",
    "proto",
    "trace",
    "source",
    "live",
    "record",
    "packet",
    "tcp",
    "protocol",
    "capture",
    "filter",
    "report",
    "redact",
    "spans",
    "conversation",
    "http",
    "event",
    "envoy",
    "hubble",
    "input",
    "reassembly",
    "merge",
    "convert",
    "info",
    "error",
    "library",
    "cli",
];

/// A file of the source, and the modules of the crate that it imports, by their paths.
struct File {
    /// Such as `["http", "encoder"]`; `mod.rs` is the room itself.
    module: Vec<String>,
    imports: BTreeSet<Vec<String>>,
}

fn files() -> Vec<File> {
    let src = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    for entry in walkdir::WalkDir::new(&src).sort_by_file_name() {
        let entry = entry.expect("an entry");
        let path = entry.path().strip_prefix(&src).expect("below it");
        let is_code = path.extension().is_some_and(|ending| ending == "rs");
        let is_test = path.iter().any(|part| part == "tests" || part == "tests.rs");
        if !is_code || is_test || matches!(path.to_str(), Some("lib.rs" | "main.rs")) {
            continue;
        }
        let module = path.with_extension("");
        let mut module: Vec<String> = module.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        module.pop_if(|last| last == "mod");
        let text = std::fs::read_to_string(entry.path()).expect("a text");
        // The tests of a file may look anywhere.
        let code = text.split("#[cfg(test)]").next().expect("a part");
        files.push(File { imports: imports(code, &module, entry.path().ends_with("mod.rs")), module });
    }
    files
}

/// The paths behind `crate::` and `super::` in code that is no comment.
fn imports(code: &str, module: &[String], is_room: bool) -> BTreeSet<Vec<String>> {
    let code: String =
        code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join(" ");
    let mut imports = BTreeSet::new();
    let parent =
        if is_room { &module[..module.len() - 1] } else { &module[..module.len().saturating_sub(1)] };
    for (mark, base) in [("crate::", &[][..]), ("super::", parent)] {
        for (at, _) in code.match_indices(mark) {
            if code[..at].ends_with("::") {
                continue;
            }
            let rest = &code[at + mark.len()..];
            for path in paths(rest) {
                imports.insert(base.iter().cloned().chain(path).collect());
            }
        }
    }
    imports
}

/// The paths at the beginning of some code: one, or those in braces. Only what begins with a small letter is a module.
fn paths(code: &str) -> Vec<Vec<String>> {
    let name = |code: &str| -> String {
        code.chars()
            .take_while(|char| char.is_ascii_lowercase() || char.is_ascii_digit() || *char == '_')
            .collect()
    };
    if let Some(inner) = code.strip_prefix('{') {
        let end = inner.find('}').unwrap_or(inner.len());
        return inner[..end]
            .split(',')
            .map(|item| vec![name(item.trim())])
            .filter(|path| !path[0].is_empty())
            .collect();
    }
    let first = name(code);
    let mut path = vec![first.clone()];
    if let Some(rest) = code[first.len()..].strip_prefix("::") {
        path.push(name(rest));
    }
    path.retain(|part| !part.is_empty());
    vec![path]
}

#[test]
fn no_room_imports_from_a_higher_one() {
    let rank = |room: &str| ROOMS.iter().position(|known| *known == room);
    for File { module, imports } in files() {
        let room = rank(&module[0]).unwrap_or_else(|| panic!("{} is no known room", module[0]));
        for import in imports.iter().filter(|import| !import.is_empty() && import[0] != module[0]) {
            let Some(imported) = rank(&import[0]) else { continue };
            assert!(imported < room, "{} imports {}", module.join("::"), import.join("::"));
        }
    }
}

#[test]
fn the_files_of_a_room_go_in_no_circle() {
    let files = files();
    let known: BTreeSet<&[String]> = files.iter().map(|file| &file.module[..]).collect();
    let mut graph: BTreeMap<&[String], BTreeSet<&[String]>> = BTreeMap::new();
    for File { module, imports } in &files {
        // What is in a room's own file is for all in the room.
        let targets = imports.iter().filter_map(|import| {
            let path =
                (1..=import.len()).rev().map(|length| &import[..length]).find(|path| known.contains(path))?;
            (path.len() > 1 && path[0] == module[0] && path != module).then_some(path)
        });
        if module.len() > 1 {
            graph.entry(module).or_default().extend(targets);
        }
    }
    for start in graph.keys() {
        let mut path = vec![*start];
        assert!(!reaches(&graph, start, start, &mut path), "{path:?}");
    }
}

/// Whether a way leads from `at` to `goal`; it is in `path` then.
fn reaches<'a>(
    graph: &BTreeMap<&'a [String], BTreeSet<&'a [String]>>,
    at: &'a [String],
    goal: &[String],
    path: &mut Vec<&'a [String]>,
) -> bool {
    for next in graph.get(at).into_iter().flatten() {
        if *next == goal {
            return true;
        }
        if !path.contains(next) {
            path.push(next);
            if reaches(graph, next, goal, path) {
                return true;
            }
            path.pop();
        }
    }
    false
}
