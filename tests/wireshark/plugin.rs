//! The plugin and the profile in tshark, as an ordinary user has them: Wireshark that root runs loads no personal plugins.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{captures, keys, share, text_of};
use crate::frames::{self, Frame};
use crate::program::{Dir, Ran, TestCommand, testdata};
use crate::tools::{text, tool, tshark};

/// Runs a program as an ordinary user at home in `home/`; run by root, the user nobody.
fn ordinary(dir: &Dir, program: &Path, args: &[&str]) -> Ran {
    let is_root = text(tool("id").arg("-u")).trim() == "0";
    let user: &[&str] = if is_root { &["runuser", "-u", "nobody", "--"] } else { &[] };
    let home = dir.path("home").display().to_string();
    let folder = dir.path("home/extcap").display().to_string();
    let env = ["env", &format!("HOME={home}"), "XDG_CONFIG_HOME=", &format!("WIRESHARK_EXTCAP_DIR={folder}")];
    let words = user.iter().chain(&env);
    TestCommand::new("timeout").arg("120").args(words).arg(program).args(args).run()
}

/// A directory where anybody may read, with a home where anybody may write and a program.
fn place() -> Dir {
    let dir = Dir::new();
    std::fs::create_dir(dir.path("home")).expect("a directory");
    std::fs::copy(env!("CARGO_BIN_EXE_tap2pcap"), dir.path("tap2pcap")).expect("a copy");
    for (name, mode) in [(".", 0o755), ("home", 0o777), ("tap2pcap", 0o755)] {
        std::fs::set_permissions(dir.path(name), PermissionsExt::from_mode(mode)).expect("permissions");
    }
    dir
}

/// What an ordinary tshark with the profile says of the packets that pass a filter: a field of each.
#[track_caller]
fn packets(dir: &Dir, capture: &str, filter: &str, field: &str) -> Vec<String> {
    let args = ["-C", "tap2pcap", "-r", capture, "-Y", filter, "-T", "fields", "-e", field];
    let ran = ordinary(dir, Path::new("tshark"), &args).expect(0);
    assert_eq!(ran.stderr, "", "{filter}");
    String::from_utf8(ran.stdout).expect("UTF-8").lines().map(str::to_owned).collect()
}

fn readable(dir: &Dir, name: &str) -> String {
    std::fs::set_permissions(dir.path(name), PermissionsExt::from_mode(0o644)).expect("permissions");
    dir.path(name).display().to_string()
}

#[test]
#[ignore = "needs tshark (Debian package tshark); run by root it needs runuser and the user nobody"]
fn an_ordinary_user_installs_both_and_filters_by_typed_fields() {
    let dir = place();
    let said = ordinary(&dir, &dir.path("tap2pcap"), &["wireshark", "install"]).expect(0);
    assert!(String::from_utf8_lossy(&said.stdout).contains("wireshark -C tap2pcap"), "{said:?}");
    let hubble = testdata("hubble/everything.json");
    dir.tap2pcap().args(["-q", "-w", "hubble.pcapng"]).arg(hubble).run().expect(0);
    let taps =
        ["cut-often-streamed.pb_length_delimited", "tls-post-streamed.pb_length_delimited"].map(testdata);
    dir.tap2pcap().args(["-q", "-w", "taps.pcapng"]).args(taps).run().expect(0);
    let requests = ["zipkinup_http_4086787129933123186", "zipkinup_upsock_9"];
    let requests = requests.map(|name| testdata(&format!("spans/{name}.pb_length_delimited")));
    let spans = testdata("spans/opencensus.jsonl");
    let args = ["-q", "--span-attributes", "all", "-w", "spans.pcapng", "--spans"];
    dir.tap2pcap().args(args).arg(spans).args(requests).run().expect(0);

    // A filter, and the same as a question to the comments.
    type Is = fn(&Frame) -> bool;
    let cases: [(&str, &str, Is); 9] = [
        ("hubble", "hubble.verdict == \"DROPPED\"", |frame| frame.comment("verdict") == Some("DROPPED")),
        ("hubble", "hubble.is_reply == 1", |frame| frame.comment("is_reply") == Some("true")),
        ("hubble", "hubble.source_identity > 1000", |frame| {
            frame
                .comment("source_identity")
                .is_some_and(|identity| identity.parse::<u64>().expect("a number") > 1000)
        }),
        ("hubble", "hubble.destination contains \"default/\"", |frame| {
            frame.comment("destination").is_some_and(|pod| pod.contains("default/"))
        }),
        ("hubble", "hubble", |frame| frame.comment("verdict").is_some()),
        ("taps", "tap.truncated", |frame| frame.comments.contains(&"tap.truncated=true".to_owned())),
        ("taps", "tap.captured_length < 2000", |frame| {
            let length =
                frame.comments.iter().find_map(|comment| comment.strip_prefix("tap.captured_length="));
            length.is_some_and(|length| length.parse::<u64>().expect("a number") < 2000)
        }),
        ("spans", "span.event", |frame| frame.comments.iter().any(|comment| comment.contains("span.event="))),
        ("spans", "span.attribute == \"http.status_code=200\"", |frame| {
            frame.comments.contains(&"span.attribute.http.status_code=200".to_owned())
        }),
    ];
    for (name, filter, is_wanted) in cases {
        let name = format!("{name}.pcapng");
        let frames = frames::parse(&dir.read(&name)).frames;
        let expected: Vec<String> = (1..)
            .zip(&frames)
            .filter(|(_, frame)| is_wanted(frame))
            .map(|(number, _): (u32, _)| number.to_string())
            .collect();
        assert!(!expected.is_empty(), "{filter}");
        assert_eq!(packets(&dir, &readable(&dir, &name), filter, "frame.number"), expected, "{filter}");
    }
    // A name with spaces was in quotes; a time is one.
    let spans = readable(&dir, "spans.pcapng");
    let names =
        packets(&dir, &spans, "span.duration_us > 0 && span.time > \"2020-01-01 00:00:00\"", "span.name");
    assert!(
        names.iter().any(|name| name.split(',').any(|name| name == "router zipkinup_up egress")),
        "{names:?}"
    );
    // All packets of a socket tap's connection.
    let taps = readable(&dir, "taps.pcapng");
    let streams = packets(
        &dir,
        &taps,
        "tap.file contains \"tls-post\" && tap.kind == \"socket_streamed\"",
        "tcp.stream",
    );
    let all = packets(&dir, &taps, &format!("tcp.stream == {}", streams[0]), "tap.trace_id");
    assert!(all.len() == 4 && all.iter().all(|id| *id == all[0] && !id.is_empty()), "{all:?}");

    ordinary(&dir, &dir.path("tap2pcap"), &["wireshark", "uninstall"]).expect(0);
    let ran = ordinary(&dir, Path::new("tshark"), &["-r", &taps, "-Y", "tap.trace_id"]);
    assert!(ran.code != Some(0), "the plugin is still there");
}

/// tshark with the plugin, in whichever way the user may run it.
fn with_plugin(capture: &Path) -> TestCommand {
    tshark(capture).args(["-X", &format!("lua_script:{}", share("tap2pcap.lua").display())])
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn http2_is_found_on_any_port_and_shown_as_with_decode_as() {
    let dir = Dir::new();
    let h2 = std::fs::read_to_string(testdata("tap2pcap_h2_ipv4.pb_text")).expect("a tap");
    let mut inputs: Vec<(String, Vec<u8>)> = ["443", "8443", "10000", "15006", "50051"]
        .into_iter()
        .map(|port| (port.to_owned(), h2.replace("10000", port).into_bytes()))
        .collect();
    // Messages that go on in other packets, and those that were cut.
    let names = [
        "event-over-64k-streamed.pb",
        "cut-over-64k-http2-streamed.pb_length_delimited",
        "http2-streamed.pb",
    ];
    for name in names {
        inputs.push((name.to_owned(), std::fs::read(testdata(name)).expect("a tap")));
    }
    for (name, tap) in inputs {
        dir.write("tap", &tap);
        let options = text(dir.tap2pcap().args(["info", "--decode-as", "tap"]));
        assert!(options.starts_with("-d tcp.port=="), "{name}: {options}");
        for mss in ["700", "65000"] {
            dir.tap2pcap().args(["-q", "--mss", mss, "-w", "capture.pcapng", "tap"]).run().expect(0);
            let fields =
                ["frame.number", "http2.type", "http2.headers.path", "http2.data.data", "http2.streamid"];
            let fields: Vec<&str> = fields.iter().flat_map(|field| ["-e", field]).collect();
            let capture = dir.path("capture.pcapng");
            let told =
                text(tshark(&capture).args(options.split_whitespace()).args(["-T", "fields"]).args(&fields));
            let found = text(with_plugin(&capture).args(["-T", "fields"]).args(&fields));
            assert!(told.contains('/') && found == told, "{name} {mss}");
        }
    }
}

/// Comments that nobody would write, and more of them than tap2pcap writes.
#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn odd_comments_and_very_many_do_no_harm() {
    let dir = Dir::new();
    let odd = [
        "tap.",
        "tap.x",
        "hubble.verdict",
        "hubble.new_key=5",
        "span.",
        "span.name=\"no end \\",
        "span.name=\"a\\u{1f600}\\n\\\"q\\\" \\\\\" span.duration_us=99999999999999999999999 and more",
        "span.name=\"\\u{7fffffff}\\u{}\\u{d800}\\u{e9}\" span.event=\"\"",
        "span.attribute.=",
        "span.attribute.a=b=\"c\"",
        "tap.trace_id=18446744073709551615",
        "tap.trace_id=-1",
        "tap.truncated=maybe",
        "tap.file=\u{1b}[31m",
        "somebody else's",
        "",
    ];
    let many: Vec<String> = (0..3000).map(|number| format!("hubble.source=pod {number}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let long = format!("span.name=\"{}\"", "x".repeat(60_000));
    let capture = dir.write("odd.pcapng", &pcapng(&[&odd[..], &many, &[&long], &[]]));
    let fields = ["tap.trace_id", "span.name", "hubble.source", "tap2pcap.comment", "span.attribute"];
    let rows = crate::tools::fields(with_plugin(&capture), fields);
    assert_eq!(rows[0][0], "18446744073709551615");
    assert!(rows[0][1].starts_with("no end |a😀\\n\"q\" \\|"), "{}", rows[0][1]);
    assert_eq!(rows[0][4], "=|a=b=\"c\"");
    for kept in [
        "hubble.new_key=5",
        "tap.trace_id=-1",
        "tap.truncated=maybe",
        "span.duration_us=99999999999999999999999",
    ] {
        assert!(rows[0][3].split('|').any(|comment| comment == kept), "{kept}: {}", rows[0][3]);
    }
    assert_eq!((rows[1][2].split('|').count(), rows[2][1].len()), (3000, 60_000));
    assert_eq!((&rows[3], rows.len()), (&[""; 5].map(str::to_owned), 4));
    // Nor does a second copy of the plugin.
    let copy = dir.write("copy.lua", text_of(&share("tap2pcap.lua")).as_bytes());
    let twice =
        with_plugin(&capture).args(["-X", &format!("lua_script:{}", copy.display()), "-Y", "tap2pcap"]);
    let ran = twice.run().expect(0);
    assert!(!ran.stderr.contains("Lua") && ran.stdout.len() > 100, "{}", ran.stderr);
    let errors =
        crate::tools::fields(with_plugin(&capture).args(["-Y", "_ws.lua.error || _ws.malformed"]), ["frame"]);
    assert!(errors.is_empty());
}

/// A capture with a packet for each of these comments: an ACK.
fn pcapng(packets: &[&[&str]]) -> Vec<u8> {
    fn block(kind: u32, body: &[u8]) -> Vec<u8> {
        let length = (12 + body.len() as u32).to_le_bytes();
        [&kind.to_le_bytes()[..], &length, body, &length].concat()
    }
    let mut file =
        block(0x0a0d_0d0a, &[&0x1a2b_3c4d_u32.to_le_bytes()[..], &[1, 0, 0, 0], &[0xff; 8]].concat());
    file.extend(block(1, &[1, 0, 0, 0, 0, 0, 0, 0]));
    let mut frame = vec![2; 12];
    frame.extend([8, 0, 0x45, 0, 0, 40, 0, 0, 0, 0, 64, 6, 0x7c, 0xce, 127, 0, 0, 1, 127, 0, 0, 1]);
    frame.extend([3, 232, 7, 208, 0, 0, 0, 1, 0, 0, 0, 0, 0x50, 0x10, 0, 100, 0, 0, 0, 0]);
    let length = (frame.len() as u32).to_le_bytes();
    frame.resize(frame.len().next_multiple_of(4), 0);
    for comments in packets {
        let mut body = [&[0; 12][..], &length, &length, &frame].concat();
        for comment in *comments {
            body.extend(1_u16.to_le_bytes());
            body.extend((comment.len() as u16).to_le_bytes());
            body.extend(comment.as_bytes());
            body.resize(body.len().next_multiple_of(4), 0);
        }
        body.extend([0; 4]);
        file.extend(block(6, &body));
    }
    file
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn the_profile_loads_without_the_plugin_too() {
    let dir = Dir::new();
    let profile = dir.path("config/profiles/tap2pcap");
    std::fs::create_dir_all(&profile).expect("a directory");
    for name in ["preferences", "colorfilters", "dfilter_buttons"] {
        std::fs::copy(share(&format!("profile/{name}")), profile.join(name)).expect("a copy");
    }
    let config = dir.path("config").display().to_string();
    dir.tap2pcap().args(["-q", "-w", "out.pcapng"]).arg(testdata("hubble/denied.json")).run().expect(0);
    let capture = dir.path("out.pcapng");
    let plugin = format!("lua_script:{}", share("tap2pcap.lua").display());
    for (args, row) in [
        (&[][..], "default/xwing → default/deathstar-7848d6c4d5-th9v2 TCP 54"),
        (&["-X", &plugin[..]], "TCP 54 DROPPED default/rule1 44916 → 80 [SYN]"),
    ] {
        let run = |format: &[&str]| {
            let tshark = tool("tshark").env("WIRESHARK_CONFIG_DIR", &config);
            let tshark = tshark.args(["--color", "-C", "tap2pcap", "-r"]).arg(&capture).args(args);
            let ran = tshark.args(format).run().expect(0);
            let complaints = ran.stderr.lines().filter(|line| !line.starts_with("Running as user"));
            assert_eq!(complaints.filter(|line| !line.is_empty()).collect::<Vec<_>>(), Vec::<&str>::new());
            String::from_utf8(ran.stdout).expect("UTF-8")
        };
        let words = run(&[]).split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(words.contains(row), "{words}");
        assert_eq!(run(&["-T", "fields", "-e", "frame.coloring_rule.name"]), "Dropped\n");
    }
    // The buttons' filters are right.
    let buttons = text_of(&share("profile/dfilter_buttons"));
    for line in buttons.lines().filter(|line| !line.starts_with('#')) {
        let filter = line.split("\",\"").nth(2).expect("a filter").replace("\\x22", "\"");
        text(tshark(&capture).args(["-Y", &filter]));
    }
}

#[test]
#[ignore = "needs tshark (Debian package tshark)"]
fn each_filter_of_the_documentation_is_one() {
    let page = text_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/wireshark.md"));
    let mut filters = BTreeMap::new();
    for line in page.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<&str> = line.split(" | ").collect();
        let name = cells[0].trim_start_matches("| ").trim_matches('`');
        filters.insert(name, cells[3].trim_end_matches('|').trim().trim_matches('`'));
    }
    for key in keys() {
        assert!(filters.get(&key.name[..]).is_some_and(|filter| filter.contains(&key.name)), "{}", key.name);
    }
    let dir = Dir::new();
    let (capture, _) = captures(&dir).swap_remove(0);
    let all: Vec<String> = filters.values().map(|filter| format!("({filter})")).collect();
    text(with_plugin(Path::new(&capture)).args(["-Y", &all.join(" || ")]));
}
