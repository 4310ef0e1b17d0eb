//! Any exchanges, tapped in any way and converted with any options, are read back as they were.

use proptest::prelude::*;

use super::exchange::{Exchange, Message, Tapped};
use super::expected::{assert_shows, assert_times};
use super::plan::{ExchangePlan, exchange_plan};
use super::{Connection, connections};
use crate::conversion::convert_many;
use crate::encode::Format;
use crate::encode::http::{HttpKind, HttpTap, NotUtf8};
use crate::model::{START, address};
use crate::tools::{Http, is_nobodys};

/// Which HTTP is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Wanted {
    One,
    Two,
    Auto,
}

impl Wanted {
    const fn option(self) -> &'static str {
        match self {
            Self::One => "1",
            Self::Two => "2",
            Self::Auto => "auto",
        }
    }

    /// What an exchange on a connection of its own becomes.
    fn http(self, exchange: &Exchange) -> Http {
        let needs_two = |message: &Message| {
            let content = message.text("content-type").unwrap_or_default();
            !message.trailers.is_empty() || content.starts_with("application/grpc")
        };
        let messages = [&exchange.request, &exchange.response];
        match self {
            Self::Two => Http::Two,
            Self::Auto if messages.into_iter().flatten().any(needs_two) => Http::Two,
            _ => Http::One,
        }
    }
}

#[derive(Clone, Debug)]
struct Options {
    wanted: Wanted,
    is_upstream: bool,
    mss: Option<u16>,
    format: &'static str,
    /// Each exchange is a file, as Envoy writes them.
    is_split: bool,
}

/// Exchanges on connections, one connection a list.
fn tapped(plans: &[Vec<ExchangePlan>], wanted: Wanted, is_text: bool) -> Vec<Vec<Tapped>> {
    let mut id = 0;
    let mut all = Vec::new();
    for (connection, plans) in plans.iter().enumerate() {
        let port = |base: usize| base + connection;
        let downstream = [format!("10.2.0.1:{}", port(40_000)), "10.1.0.1:8080".to_owned()];
        let upstream = [format!("10.1.0.1:{}", port(50_000)), "10.3.0.1:9000".to_owned()];
        // Only HTTP/2 tells which of several is incomplete, and mixed exchanges have no one version.
        let is_mixed =
            wanted == Wanted::Auto || wanted == Wanted::One && plans.iter().any(|p| p.is_incomplete());
        let plans = if is_mixed { &plans[..1] } else { plans };
        let mut of_connection = Vec::new();
        for plan in plans {
            id += 1;
            // Later than anything of the exchange before.
            let time = START / 1_000 * 1_000 + id * 50_000_000;
            of_connection.push(Tapped {
                id,
                exchange: plan.exchange(id, time, is_text),
                downstream: [&downstream[0], &downstream[1]].map(|text| address(text)),
                upstream: [&upstream[0], &upstream[1]].map(|text| address(text)),
            });
        }
        all.push(of_connection);
    }
    all
}

fn tap() -> impl Strategy<Value = HttpTap> {
    let kind = prop::sample::select(&[HttpKind::Buffered, HttpKind::Streamed][..]);
    let format = prop::sample::select(&Format::ALL[..]);
    (kind, format, any::<bool>(), any::<bool>(), any::<bool>()).prop_map(
        |(kind, format, has_times, has_connections, is_old)| {
            let is_json = matches!(format, Format::JsonBytes | Format::JsonString);
            let not_utf8 = if is_old && !is_json { NotUtf8::Value } else { NotUtf8::RawValue };
            HttpTap { kind, format, has_times, has_connections, not_utf8 }
        },
    )
}

fn options() -> impl Strategy<Value = Options> {
    let wanted = prop::sample::select(&[Wanted::One, Wanted::Two, Wanted::Auto][..]);
    let mss = prop::option::weighted(0.3, 1_000..=u16::MAX);
    let format = prop::sample::select(&["nsecpcap", "pcap", "pcapng"][..]);
    (wanted, any::<bool>(), mss, format, any::<bool>()).prop_map(
        |(wanted, is_upstream, mss, format, is_split)| Options { wanted, is_upstream, mss, format, is_split },
    )
}

/// What tells the exchanges apart.
fn number(exchange: &Exchange) -> Option<&str> {
    let message = exchange.request.as_ref().or(exchange.response.as_ref());
    message.and_then(|message| message.text("x-number"))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(96) })]

    #[test]
    fn any_exchanges_are_read_back_as_they_were(
        plans in prop::collection::vec(prop::collection::vec(exchange_plan(), 1..4), 1..3),
        tap in tap(),
        options in options(),
    ) {
        let conversations = tapped(&plans, options.wanted, tap.format == Format::JsonString);
        let mut args = vec![
            format!("--http={}", options.wanted.option()),
            format!("--http-side={}", if options.is_upstream { "upstream" } else { "downstream" }),
            format!("--format={}", options.format),
            "--start-time=2024-02-29T12:00:00.5Z".to_owned(),
        ];
        args.extend(options.mss.map(|mss| format!("--mss={mss}")));
        let args: Vec<&str> = args.iter().map(String::as_str).collect();

        let all: Vec<Tapped> = conversations.concat();
        // Without times nothing says which file comes first.
        let files: Vec<(String, Vec<u8>)> = if options.is_split && tap.tells_times() {
            // The names are in no order.
            all.iter().map(|one| (format!("tap_{}", one.id * 7 % 10), tap.write(std::slice::from_ref(one)))).collect()
        } else {
            vec![("tap".to_owned(), tap.write(&all))]
        };
        let files: Vec<(&str, &[u8])> = files.iter().map(|(name, file)| (&**name, &**file)).collect();
        let capture = convert_many("capture", &args, &files, 0).capture;

        let most = usize::from(options.mss.unwrap_or(u16::MAX));
        prop_assert!(capture.packets.iter().all(|packet| packet.length <= most));
        let seen = connections(&capture);
        // Without addresses each exchange has a connection of its own.
        let expected: Vec<Vec<Tapped>> = if tap.tells_addresses() {
            conversations
        } else {
            all.into_iter().map(|one| vec![one]).collect()
        };
        prop_assert_eq!(seen.len(), expected.len());
        for of_connection in &expected {
            let first = &of_connection[0];
            let is_its = |connection: &&Connection| number(&connection.exchanges[0]) == number(&first.exchange);
            let connection = seen.iter().find(is_its).expect("the connection of the exchange");
            if tap.tells_addresses() {
                let ends = if options.is_upstream { first.upstream } else { first.downstream };
                prop_assert_eq!([connection.client, connection.server], ends);
            } else {
                prop_assert!(is_nobodys(connection.client) && is_nobodys(connection.server));
                prop_assert_eq!(connection.server.port(), 80);
            }
            prop_assert_eq!(connection.http, options.wanted.http(&first.exchange));
            prop_assert_eq!(connection.exchanges.len(), of_connection.len());
            for (seen, tapped) in connection.exchanges.iter().zip(of_connection) {
                assert_shows(connection.http, seen, &tapped.exchange);
                if tap.tells_times() {
                    assert_times(seen, &tapped.exchange);
                }
            }
        }
    }
}
