//! The table in docs/limits.md says what the code does.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Constants with such names that bound nothing a user could miss: an example in a warning, room for headers, a first look that is followed by a
/// second, how much of a line or of a record is looked at in one go; what HTTP/2 allows; how deep the messages of a
/// schema nest; silence is counted in tenths of `PATIENCE`.
const INTERNAL: [&str; 11] = [
    "MAX_DATAGRAM",
    "MAX_DEPTH",
    "MAX_EXAMPLE",
    "MAX_GARBAGE",
    "MAX_HEADERS",
    "MAX_HEADERS",
    "MAX_HEADERS",
    "MAX_OPTIONS",
    "MAX_POINTS",
    "MAX_SAMPLE_RATE",
    "MAX_WINDOW",
];

struct Row {
    /// In bytes, milliseconds, or whatever is counted.
    value: u64,
    /// Below `src/`.
    file: String,
    /// The name of a constant, a number, or a product of them.
    expression: String,
}

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn rows() -> Vec<Row> {
    let document = read("docs/limits.md");
    let rows = document.lines().filter(|line| line.starts_with("| ")).skip(1);
    rows.map(|row| {
        let cells: Vec<&str> = row.trim_matches('|').split('|').map(str::trim).collect();
        let source: Vec<&str> = cells[3].split('`').collect();
        let [_, file, _, expression, _] = source[..] else { panic!("{row}") };
        Row { value: quantity(cells[1]), file: file.to_owned(), expression: expression.to_owned() }
    })
    .collect()
}

/// The value of `256 MiB`, `0.1 s`, `1,000`.
fn quantity(text: &str) -> u64 {
    let (number, unit) = text.split_once(' ').unwrap_or((text, ""));
    let number: f64 = number.replace(',', "").parse().expect("a number");
    let unit = match unit {
        "" => 1,
        "KiB" => 1 << 10,
        "MiB" => 1 << 20,
        "s" => 1_000,
        other => panic!("{other}"),
    };
    (number * f64::from(unit)) as u64
}

/// The value of an expression in a file's code: constants become what they are there.
fn value(code: &str, expression: &str) -> u64 {
    expression.split('*').map(str::trim).map(|factor| factor_value(code, factor)).product()
}

fn factor_value(code: &str, factor: &str) -> u64 {
    if let Ok(number) = factor.replace('_', "").parse() {
        assert!(code.contains(factor), "{factor} is not in the code");
        return number;
    }
    for (call, unit) in [("Duration::from_secs(", 1_000), ("Duration::from_millis(", 1)] {
        if let Some(argument) = factor.strip_prefix(call) {
            return unit * value(code, argument.trim_end_matches(')'));
        }
    }
    let (_, behind) = code.split_once(&format!("const {factor}: ")).unwrap_or_else(|| panic!("no {factor}"));
    let (definition, _) = behind.split_once(';').expect("a definition");
    let (_, expression) = definition.split_once(" = ").expect("a value");
    value(code, expression)
}

#[test]
fn the_table_tells_the_limits_as_they_are() {
    let rows = rows();
    assert!(rows.len() > 15, "{} rows", rows.len());
    for Row { value: told, file, expression } in rows {
        assert_eq!(value(&read(Path::new("src").join(&file)), &expression), told, "{file} {expression}");
    }
}

#[test]
fn the_table_tells_all_limits() {
    let told: BTreeSet<(PathBuf, String)> =
        rows().into_iter().map(|row| (Path::new("src").join(row.file), row.expression)).collect();
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut internal = Vec::new();
    for entry in walkdir::WalkDir::new(root.join("src")).sort_by_file_name() {
        let entry = entry.expect("an entry");
        if !entry.file_type().is_file() {
            continue;
        }
        let file = entry.path().strip_prefix(root).expect("below it");
        for line in read(file).lines() {
            let Some((_, rest)) = line.split_once("const MAX_") else { continue };
            let name = format!("MAX_{}", rest.split(':').next().expect("a name"));
            if INTERNAL.contains(&name.as_str()) {
                internal.push(name);
            } else {
                assert!(told.contains(&(file.to_owned(), name.clone())), "{name} of {}", file.display());
            }
        }
    }
    internal.sort();
    assert_eq!(internal, INTERNAL);
}
