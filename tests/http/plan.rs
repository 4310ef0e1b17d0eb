//! Exchanges at random: methods, headers, bodies in pieces, cuts, trailers, and parts that are missing.

use proptest::prelude::*;

use super::exchange::{Exchange, Headers, Message, Piece};
use crate::model::noise_from;

#[derive(Clone, Debug)]
pub(super) struct ExchangePlan {
    method: &'static str,
    path: String,
    authority: Option<String>,
    status: &'static str,
    request: MessagePlan,
    response: MessagePlan,
    missing: Missing,
    /// Microseconds from the request to the response.
    pause: u64,
}

#[derive(Clone, Debug)]
struct MessagePlan {
    headers: Headers,
    pieces: Vec<PiecePlan>,
    framing: Framing,
    trailers: Headers,
    is_grpc: bool,
}

#[derive(Clone, Debug)]
struct PiecePlan {
    length: usize,
    /// Percent of the bytes that the limit leaves.
    cut_to: Option<usize>,
}

/// What the headers say of the body's length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Framing {
    ContentLength,
    /// Envoy leaves it in a streamed response.
    Chunked,
    Nothing,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Missing {
    Nothing,
    Request,
    Response,
}

impl ExchangePlan {
    pub(super) fn is_incomplete(&self) -> bool {
        self.missing != Missing::Nothing
    }

    /// The exchange with this number, which its headers say.
    pub(super) fn exchange(&self, number: u64, time: u64, is_text: bool) -> Exchange {
        let pseudo = |name: &str, value: &str| (name.to_owned(), value.as_bytes().to_vec());
        let mut of_request = vec![pseudo(":method", self.method), pseudo(":path", &self.path)];
        of_request.extend(self.authority.as_ref().map(|authority| pseudo(":authority", authority)));
        of_request.push(pseudo(":scheme", "https"));
        let of_response = vec![pseudo(":status", self.status)];

        let is_bodiless = self.method == "HEAD" || ["204", "304"].contains(&self.status);
        let response = if is_bodiless { &self.response.without_body() } else { &self.response };
        let seed = number << 32;
        let request = self.request.message(of_request, number, seed, is_text).at(time);
        let response = response.message(of_response, number, seed | 1 << 16, is_text);
        let response = response.at(time + self.pause * 1_000);
        Exchange {
            request: (self.missing != Missing::Request).then_some(request),
            response: (self.missing != Missing::Response).then_some(response),
        }
    }
}

impl MessagePlan {
    fn without_body(&self) -> Self {
        Self { pieces: vec![], trailers: vec![], framing: Framing::Nothing, ..self.clone() }
    }

    fn message(&self, mut headers: Headers, number: u64, seed: u64, is_text: bool) -> Message {
        let mut header = |name: &str, value: &str| headers.push((name.to_owned(), value.as_bytes().to_vec()));
        header("x-number", &number.to_string());
        // Trailers need chunks in HTTP/1.1, which have no content-length.
        match self.framing {
            Framing::ContentLength if self.trailers.is_empty() => {
                let length: usize = self.pieces.iter().map(|piece| piece.length).sum();
                header("content-length", &length.to_string());
            }
            Framing::Chunked => header("transfer-encoding", "chunked"),
            _ => {}
        }
        if self.is_grpc {
            header("content-type", "application/grpc");
        }
        headers.extend(self.headers.iter().cloned());
        let pieces = self.pieces.iter().zip(seed..).map(|(plan, seed)| {
            let mut kept = noise_from(seed, plan.length);
            if is_text {
                kept.iter_mut().for_each(|byte| *byte &= 0x7f);
            }
            kept.truncate(plan.cut_to.map_or(plan.length, |percent| plan.length * percent / 100));
            Piece { kept, length: plan.length }
        });
        Message { headers, body: pieces.collect(), trailers: self.trailers.clone(), time: 0 }
    }
}

/// A value as a header may have it: UTF-8 or not, without spaces at its ends.
fn value() -> impl Strategy<Value = Vec<u8>> {
    let byte = || prop_oneof![8 => b'!'..=b'~', 1 => 0x80..=0xffu8];
    let bytes = (prop::collection::vec(prop_oneof![9 => byte(), 1 => Just(b' ')], 0..30), byte()).prop_map(
        |(mut middle, end)| {
            middle.insert(0, end);
            middle.push(end);
            middle
        },
    );
    prop_oneof![
        6 => bytes,
        2 => "[a-zé€😀]{1,12}".prop_map(String::into_bytes),
        1 => Just(Vec::new()),
        // More than one HTTP/2 frame holds.
        1 => (16_000..40_000usize).prop_map(|length| vec![b'v'; length]),
    ]
}

fn header_list(most: usize) -> impl Strategy<Value = Headers> {
    prop::collection::vec(("x-[a-z0-9]{1,4}", value()), 0..most)
}

fn message() -> impl Strategy<Value = MessagePlan> {
    let length = prop_oneof![
        2 => Just(0),
        4 => 1..200usize,
        3 => 200..3_000usize,
        1 => 3_000..=200_000usize,
    ];
    let cut_to = prop::option::weighted(0.2, 0..100usize);
    let piece = (length, cut_to).prop_map(|(length, cut_to)| PiecePlan { length, cut_to });
    let framing = prop::sample::select(
        &[Framing::ContentLength, Framing::ContentLength, Framing::Chunked, Framing::Nothing][..],
    );
    let trailers = prop_oneof![3 => Just(Headers::new()), 1 => header_list(3)];
    let pieces = prop::collection::vec(piece, 0..4);
    (header_list(5), pieces, framing, trailers, prop::bool::weighted(0.1)).prop_map(
        |(headers, pieces, framing, trailers, is_grpc)| MessagePlan {
            headers,
            pieces,
            framing,
            trailers,
            is_grpc,
        },
    )
}

pub(super) fn exchange_plan() -> impl Strategy<Value = ExchangePlan> {
    let method =
        prop::sample::select(&["GET", "POST", "PUT", "DELETE", "HEAD", "OPTIONS", "PATCH", "M-SEARCH"][..]);
    let status = prop::sample::select(&["200", "200", "201", "204", "299", "304", "404", "503"][..]);
    let authority = prop::option::weighted(0.9, "[a-z]{1,8}\\.test(:[1-9][0-9]{1,3})?");
    let missing = prop_oneof![
        8 => Just(Missing::Nothing),
        1 => Just(Missing::Request),
        1 => Just(Missing::Response),
    ];
    (method, "/[a-z0-9/?=&%.~_-]{0,30}", authority, status, message(), message(), missing, 100..20_000u64)
        .prop_map(|(method, path, authority, status, request, response, missing, pause)| ExchangePlan {
            method,
            path,
            authority,
            status,
            request,
            response,
            missing,
            pause,
        })
}
