//! Spans of distributed tracing, on the packets that carried their contexts.
//!
//! Files of OpenCensus, OTLP and Zipkin become one model ([`span`], [`read`]); the headers of a request say its contexts ([`context`]),
//! by which its spans are found ([`matching`]) and put on its packets as comments ([`annotate`]).

mod annotate;
mod context;
mod http1;
mod http2;
mod ids;
mod matching;
mod opencensus;
mod otlp;
mod read;
mod redacted;
mod selection;
mod span;
mod values;

pub use annotate::{Annotator, Listener, Seen, SeenSpan};
pub use context::{Context, Contexts};
pub use matching::Rule;
pub use selection::{Pair, Selection, Selections};
pub use span::{Kind, Spans};
pub use values::Wanted;
