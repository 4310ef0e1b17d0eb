//! Every link to a file of the repository, and to a heading in it, leads somewhere.

use std::path::Path;

use super::{documents, read, root};

#[test]
fn links_lead_somewhere() {
    let documents = documents();
    assert!(documents.len() > 5, "{documents:?}");
    let mut broken = Vec::new();
    let mut count = 0;
    for document in &documents {
        for target in targets(&text(&read(document))) {
            if target.contains("://") || target.starts_with("mailto:") {
                continue;
            }
            count += 1;
            if !leads_somewhere(document, &target) {
                broken.push(format!("{}: {target}", document.display()));
            }
        }
    }
    assert!(count > 20, "{count} links");
    assert!(broken.is_empty(), "{}", broken.join("\n"));
}

fn leads_somewhere(document: &Path, target: &str) -> bool {
    let (path, heading) = target.split_once('#').unwrap_or((target, ""));
    let path = match path {
        "" => root().join(document),
        path => root().join(document).parent().expect("a directory").join(path),
    };
    path.exists() && (heading.is_empty() || headings(&read(path)).iter().any(|known| known == heading))
}

/// Markdown without blocks of code and code in lines.
fn text(markdown: &str) -> String {
    let blocks = markdown.split("\n```").step_by(2);
    blocks.flat_map(|text| text.split('`').step_by(2)).collect()
}

/// Where links and pictures lead: `](target)`, `src="target"`.
fn targets(text: &str) -> Vec<String> {
    let of = |opening: &str, closing: char| -> Vec<String> {
        let rests = text.split(opening).skip(1);
        rests.filter_map(|rest| Some(rest.split_once(closing)?.0.to_owned())).collect()
    };
    [of("](", ')'), of("src=\"", '"'), of("href=\"", '"')].concat()
}

/// The headings, as GitHub names them in links.
fn headings(markdown: &str) -> Vec<String> {
    let lines = markdown.split("\n```").step_by(2).flat_map(str::lines);
    let titles = lines.filter(|line| line.starts_with('#')).map(|line| line.trim_start_matches('#').trim());
    let name = |title: &str| -> String {
        let kept = title.chars().filter(|char| char.is_alphanumeric() || matches!(char, ' ' | '-' | '_'));
        kept.map(|char| if char == ' ' { '-' } else { char }).collect::<String>().to_lowercase()
    };
    titles.map(name).collect()
}

#[test]
fn a_link_that_leads_nowhere_is_found() {
    let found = targets(&text("[a](docs/b.md#c-d) `[e](f)`\n```sh\n[g](h)\n```\n<img src=\"i.png\">"));
    assert_eq!(found, ["docs/b.md#c-d", "i.png"]);
    assert_eq!(headings("# A b: `c`\n```sh\n# d\n```\n## E-f?"), ["a-b-c", "e-f"]);
    assert!(!leads_somewhere(Path::new("README.md"), "docs/none.md"));
    assert!(!leads_somewhere(Path::new("README.md"), "CONTRIBUTING.md#none"));
    assert!(leads_somewhere(Path::new("docs/spans.md"), "../CONTRIBUTING.md#to-run"));
}
