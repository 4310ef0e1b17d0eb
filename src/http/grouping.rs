//! Which pieces of an exchange are one event.

use super::encoder::{Encoded, ExchangeEncoder};
use super::exchange::{Exchange, Queued};
use super::redacted::Redacted;
use super::{Message, Piece};
use crate::trace::{Length, Truncation};

/// Pieces of a message with the same time are one event up to this many bytes.
const MAX_EVENT: usize = 64 * 1024;

/// Takes the piece that is next, and those of its message after it that belong to the same event, and appends their bytes.
pub(super) fn encode_event(
    encoder: &mut ExchangeEncoder,
    exchange: &mut Exchange,
    message: Message,
    mut redacted: Option<Redacted<'_>>,
    out: &mut Vec<u8>,
) -> Encoded {
    let mut encoded = Encoded::new(Length::Whole, Truncation::None);
    let mut order = None;
    let mut is_behind_head = false;
    while let Some(part) = exchange.front() {
        let is_first = order.is_none();
        let is_cut_body = matches!(part.piece, Piece::Body { truncation, .. } if truncation.is_cut());
        let belongs = part.message == message
            && (order == Some(part.order) || part.piece == Piece::End || is_behind_head && is_cut_body);
        if !is_first && (!belongs || out.len() > MAX_EVENT) {
            break;
        }
        let Some(Queued { order: at, mut piece, .. }) = exchange.pop() else { break };
        order.get_or_insert(at);
        is_behind_head = matches!(piece, Piece::Head(_));
        let lookahead = exchange.lookahead(message);
        if let Piece::Head(headers) = &mut piece
            && let Some((kept, omitted)) = exchange.without_contradicted(message, headers)
        {
            *headers = kept;
            encoded.omitted_headers = omitted;
            if let Some(redacted) = &mut redacted {
                encoded.omitted_headers.iter_mut().for_each(|line| redacted.line(line));
            }
        }
        if !encoder.encode(message, &mut piece, &lookahead, redacted.as_mut(), &mut encoded, out) {
            break;
        }
    }
    encoded
}
