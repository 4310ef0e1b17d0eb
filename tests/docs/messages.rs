//! docs/troubleshooting.md has the program's own words, and explains every warning.

use super::{read, root, rows};

/// What a text has between backticks.
fn quotes(text: &str) -> impl Iterator<Item = &str> {
    text.split('`').skip(1).step_by(2)
}

/// Code with strings that go on in the next line joined, and white space as one space.
fn joined(code: &str) -> String {
    let code = code.replace("\\\n", "\n");
    code.split_whitespace().collect::<Vec<_>>().join(" ").replace("\\\"", "\"")
}

/// The first cells of the tables that list messages.
fn messages(document: &str) -> Vec<&str> {
    let sections = document.split("\n## ").filter(|section| section.contains("| message |"));
    sections.flat_map(rows).flat_map(|cells| quotes(cells[0])).collect()
}

#[test]
fn the_words_are_those_of_the_program() {
    let mut code = String::new();
    for entry in walkdir::WalkDir::new(root().join("src")) {
        let path = entry.expect("an entry").into_path();
        if path.extension().is_some_and(|ending| ending == "rs") {
            code += &joined(&read(&path));
            code.push('\n');
        }
    }
    let document = read("docs/troubleshooting.md");
    let messages = messages(&document);
    assert!(messages.len() > 100, "{} messages", messages.len());
    let strange: Vec<&str> = messages.into_iter().filter(|message| !code.contains(message)).collect();
    assert!(strange.is_empty(), "no message of the program: {strange:#?}");
}

#[test]
fn every_warning_is_explained() {
    let code = joined(&read("src/cli/messages.rs"));
    let (_, arms) = code.split_once("impl Display for Words").expect("the words of warnings");
    let arms: Vec<&str> = arms.split(" Warning::").skip(1).collect();
    assert!(arms.len() > 25, "{} warnings", arms.len());
    let document = read("docs/troubleshooting.md");
    let (_, section) = document.split_once("\n## Warnings\n").expect("a section");
    let messages = messages(section);
    for arm in arms {
        assert!(messages.iter().any(|message| arm.contains(message)), "not in the table: Warning::{arm}");
    }
}
