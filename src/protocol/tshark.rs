//! What tshark has to be told to decode a protocol on a port, as tshark 4.0 does it.
//!
//! It gives the bytes of a TCP connection to the dissector that owns one of the ports, and else asks those that recognize
//! their protocol, of which there are HTTP's and TLS's. A test holds these tables to the tshark that is installed.

use std::ops::RangeInclusive;

use super::Protocol;

/// The ports of the HTTP dissector, which knows both versions. Of these it leaves TLS alone on none.
const HTTP_PORTS: [u16; 10] = [80, 1900, 2710, 2869, 3128, 3132, 5985, 8080, 8088, 11371];
/// The ports whose owners do not leave HTTP/1.1 and TLS to other dissectors.
#[rustfmt::skip]
const OWNED: &[RangeInclusive<u16>] = &[
    7..=7, 13..=13, 19..=23, 25..=25, 37..=37, 42..=43, 49..=49, 53..=53, 70..=70, 79..=79, 88..=88,
    102..=102, 110..=111, 119..=119, 123..=123, 139..=139, 143..=143, 161..=162, 179..=179, 210..=210,
    323..=323, 389..=389, 427..=427, 445..=445, 464..=464, 500..=500, 512..=515, 524..=524, 547..=548,
    554..=554, 564..=564, 587..=587, 639..=639, 647..=647, 674..=674, 705..=705, 854..=854, 862..=862,
    873..=873, 925..=925, 988..=988, 1080..=1080, 1090..=1090, 1099..=1099, 1102..=1102, 1153..=1153,
    1194..=1194, 1213..=1213, 1433..=1433, 1533..=1533, 1547..=1547, 1723..=1723, 1861..=1861, 1863..=1863,
    1883..=1883, 1935..=1935, 2099..=2099, 2123..=2123, 2126..=2126, 2152..=2152, 2234..=2234, 2240..=2240,
    2269..=2269, 2321..=2322, 2345..=2345, 2401..=2401, 2404..=2404, 2433..=2433, 2501..=2502, 2571..=2571,
    2575..=2575, 2600..=2600, 2812..=2812, 2944..=2945, 3014..=3014, 3016..=3019, 3245..=3248, 3268..=3268,
    3288..=3288, 3306..=3306, 3357..=3357, 3369..=3369, 3452..=3452, 3478..=3478, 3632..=3632, 3671..=3671,
    3724..=3724, 3804..=3804, 3860..=3860, 3863..=3863, 3868..=3868, 3918..=3918, 4002..=4002, 4155..=4155,
    4189..=4189, 4223..=4223, 4342..=4342, 4420..=4420, 4551..=4551, 4555..=4556, 4712..=4712, 4730..=4730,
    4739..=4739, 4788..=4788, 4840..=4840, 4880..=4880, 5010..=5010, 5060..=5060, 5084..=5084, 5222..=5222,
    5253..=5253, 5353..=5353, 5432..=5432, 5445..=5445, 5500..=5501, 5534..=5534, 5672..=5672, 5683..=5683,
    5701..=5701, 5900..=5901, 5997..=5997, 6000..=6063, 6068..=6068, 6084..=6084, 6121..=6121, 6160..=6160,
    6346..=6346, 6379..=6379, 6417..=6417, 6653..=6653, 6667..=6668, 6881..=6889, 7000..=7000, 7075..=7075,
    7171..=7172, 7236..=7236, 7275..=7276, 7871..=7871, 7911..=7911, 8009..=8009, 8023..=8023, 8074..=8074,
    8085..=8085, 8554..=8554, 8567..=8567, 9009..=9009, 9092..=9092, 9300..=9300, 9418..=9418, 9956..=9956,
    10288..=10288, 11211..=11211, 13400..=13400, 14001..=14001, 15740..=15740, 17500..=17500, 17755..=17756,
    19006..=19006, 19042..=19043, 19506..=19506, 19543..=19543, 21064..=21064, 22222..=22222, 24800..=24800,
    29418..=29418, 34980..=34980, 44321..=44322, 44818..=44818, 48049..=48049, 48898..=48898, 57000..=57000,
];
/// Besides, the ports whose owners do not leave TLS to its dissector.
#[rustfmt::skip]
const OWNED_BUT_FOR_HTTP: &[RangeInclusive<u16>] = &[
    631..=631, 1344..=1344, 3002..=3003, 3006..=3006, 3386..=3386, 3689..=3689, 4222..=4222, 4249..=4250,
    5000..=5000, 5094..=5094,
];

impl Protocol {
    /// The dissector of tshark, by the name that `-d` takes.
    #[must_use]
    pub(crate) fn dissector(self) -> Option<&'static str> {
        Some(match self {
            Self::Amqp => "amqp",
            Self::Http1 | Self::WebSocket => "http",
            Self::Grpc | Self::Http2 => "http2",
            Self::Kafka => "kafka",
            Self::MongoDb => "mongo",
            Self::Mqtt => "mqtt",
            Self::MySql => "mysql",
            Self::PostgreSql => "pgsql",
            Self::Redis => "resp",
            Self::Smtp => "smtp",
            Self::Ssh => "ssh",
            Self::Tls => "tls",
            Self::Other => return None,
        })
    }

    /// Whether tshark has to be told that this is the protocol on this port.
    #[must_use]
    pub(crate) fn needs_decode_as(self, port: u16) -> bool {
        let is_in = |ports: &[RangeInclusive<u16>]| ports.iter().any(|range| range.contains(&port));
        match self {
            Self::Http1 | Self::WebSocket => is_in(OWNED),
            Self::Http2 | Self::Grpc => !HTTP_PORTS.contains(&port),
            Self::Tls => is_in(OWNED) || is_in(OWNED_BUT_FOR_HTTP) || HTTP_PORTS.contains(&port),
            // Its port belongs to TLS in tshark, which does not leave it MongoDB in plain text.
            Self::MongoDb => true,
            Self::Smtp => ![25, 587].contains(&port),
            Self::Ssh => ![22, 29418].contains(&port),
            Self::Amqp => port != 5672,
            Self::Kafka => port != 9092,
            Self::Mqtt => port != 1883,
            Self::MySql => port != 3306,
            Self::PostgreSql => port != 5432,
            Self::Redis => port != 6379,
            Self::Other => false,
        }
    }
}

/// The name of a dissector in Wireshark's dialog *Decode As*.
#[must_use]
pub(crate) fn wireshark_name(dissector: &str) -> String {
    match dissector {
        "kafka" => "Kafka".to_owned(),
        "mysql" => "MySQL".to_owned(),
        other => other.to_uppercase(),
    }
}
