//! What Wireshark gets beside captures: the plugin, the profile, `tap2pcap wireshark` and `tap2pcap open`.

mod install;
mod keys;
mod newer;
mod open;
mod plugin;

use std::path::{Path, PathBuf};

use crate::program::{Dir, testdata};

fn share(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("share/wireshark").join(name)
}

fn text_of(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A key of the plugin's.
struct Key {
    name: String,
    /// As the plugin names types: uint64, bool, string.
    kind: String,
}

/// The keys that the plugin knows.
fn keys() -> Vec<Key> {
    let plugin = text_of(&share("tap2pcap.lua"));
    let row = |line: &str| {
        let mut words = line.trim().strip_prefix("{ \"")?.split("\", \"");
        Some(Key { name: words.next()?.to_owned(), kind: words.next()?.to_owned() })
    };
    plugin.lines().filter_map(row).collect()
}

/// A capture of each input that there is in testdata/, with its name.
fn captures(dir: &Dir) -> Vec<(String, PathBuf)> {
    let mut captures = Vec::new();
    for (folder, args) in [("", &[][..]), ("hubble", &["--point", "all", "--hubble-sock"])] {
        let files = std::fs::read_dir(testdata(folder)).expect("a directory");
        let mut files: Vec<_> = files.map(|entry| entry.expect("an entry").path()).collect();
        files.sort();
        for file in files.iter().filter(|path| path.is_file()) {
            let name = format!("{}.pcapng", file.file_name().expect("a name").to_string_lossy());
            // What is no trace, and what is damaged, has other tests.
            dir.tap2pcap().args(["-q", "-w", &name]).args(args).arg(file).run();
            captures.push((name, file.clone()));
        }
    }
    for (spans, taps) in
        [("zipkin-v2.json", "zipkinup_"), ("otlp.jsonl", "otel_"), ("opencensus.jsonl", "zipkinup_")]
    {
        let name = format!("{spans}.pcapng");
        let files = std::fs::read_dir(testdata("spans"))
            .expect("a directory")
            .map(|entry| entry.expect("an entry").path());
        // The downstream sockets have the same connections as the HTTP taps.
        let is_wanted = |path: &PathBuf| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with(taps) && !name.contains("_sock_")
        };
        let mut files: Vec<_> = files.filter(is_wanted).collect();
        files.sort();
        let spans = testdata("spans").join(spans);
        let args = ["-q", "--span-attributes", "all", "-w", &name, "--spans"];
        dir.tap2pcap().args(args).arg(&spans).args(&files).run().expect(0);
        captures.push((name, spans));
    }
    captures.retain(|(name, _)| dir.path(name).exists());
    captures
        .into_iter()
        .map(|(name, input)| (dir.path(&name).to_string_lossy().into_owned(), input))
        .collect()
}
