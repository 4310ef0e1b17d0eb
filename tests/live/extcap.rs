//! What Wireshark asks an external capture interface, and how the program becomes one.

use super::*;

#[test]
fn wireshark_is_told_of_interfaces_and_their_options() {
    let dir = Dir::new();
    let ask = |args: &[&str]| {
        let ran = dir.tap2pcap().args(args).run().expect(0);
        assert_eq!(ran.stderr, "", "Wireshark takes it for an error");
        String::from_utf8(ran.stdout).expect("UTF-8")
    };
    let interfaces = ask(&["--extcap-interfaces", "--extcap-version=4.0"]);
    let lines: Vec<&str> = interfaces.lines().collect();
    assert!(lines[0].starts_with("extcap {version="), "{interfaces}");
    assert_eq!(lines[1], "interface {value=envoytap}{display=Envoy tap}");
    assert_eq!(lines[2], "interface {value=envoytapudp}{display=Envoy tap over UDP}");
    for interface in ["envoytap", "envoytapudp"] {
        let dlts = ask(&["--extcap-dlts", "--extcap-interface", interface]);
        assert_eq!(dlts, "dlt {number=1}{name=EN10MB}{display=Ethernet}\n");
        let options = ask(&["--extcap-config", "--extcap-interface", interface]);
        for line in options.lines() {
            assert!(line.starts_with("arg {number=") || line.starts_with("value {arg="), "{line}");
            // Every option of the dialogue is one that a capture takes.
            if let Some((_, rest)) = line.split_once("{call=") {
                let option = rest.split('}').next().expect("a name");
                let args =
                    ["--capture", "--extcap-interface", interface, "--fifo", "/dev/null", option, "wrong"];
                let ran = dir.tap2pcap().args(args).run();
                assert!(!ran.stderr.contains("unexpected argument"), "{option}: {}", ran.stderr);
            }
        }
    }
}

#[test]
fn a_capture_goes_into_the_fifo() {
    let dir = Dir::new();
    let messages = sample("post-streamed-as-bytes.json");
    let expected = converted(&dir, &messages);
    let (address, asked) = admin(dump(), vec![Answer::Tap { messages, breaks_off: false }]);
    let admin = format!("http://{address}");
    let mut args =
        vec!["--capture", "--extcap-interface", "envoytap", "--fifo", "out.pcapng", "--admin", &admin];
    args.extend([
        "--config-id",
        "sockets",
        "--max-body",
        "77",
        "--http",
        "auto",
        "--header",
        "",
        "--status",
        "",
    ]);
    args.extend(["--retry", "false"]);
    let ran = dir.tap2pcap().args(&args).run().expect(1);
    // The one thing that is wrong.
    assert!(
        ran.stderr.starts_with("tap2pcap: error: http://127.0.0.1:") && ran.stderr.lines().count() == 1,
        "{}",
        ran.stderr
    );
    assert_eq!(packets(&dir), expected);
    assert_eq!(asked.recv().expect("a request")["tap_config"]["output_config"]["max_buffered_rx_bytes"], 77);
}

#[test]
fn what_is_wrong_in_the_dialogue_is_one_line() {
    let dir = Dir::new();
    let args = ["--capture", "--extcap-interface", "envoytap", "--fifo", "out.pcapng"];
    let ran = dir.tap2pcap().args(args).run().expect(2);
    assert_eq!(
        ran.stderr,
        "tap2pcap: error: an admin interface needs --config-id: the config_id of a tap's admin_config\n"
    );
    let ran = dir.tap2pcap().args(args).args(["--config-id", "a", "--admin", "localhost"]).run().expect(1);
    assert!(
        ran.stderr.contains("neither http://HOST:PORT nor unix:PATH") && ran.stderr.lines().count() == 1,
        "{}",
        ran.stderr
    );
}
