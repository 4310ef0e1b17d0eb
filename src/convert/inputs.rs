//! The inputs by their numbers: what they are called, and which interface of the capture they have.

use crate::capture::Capture;
use crate::conversation::InputRef;
use crate::merge::interfaces::Interfaces;
use crate::merge::tap::Tap;

/// The inputs, as far as they have come.
#[derive(Debug)]
pub(super) struct Inputs {
    names: Vec<String>,
    numbers: Vec<u32>,
    interfaces: Interfaces,
    /// The number that stands for the input of the connections of HTTP taps, behind those that are there at the beginning.
    http: u32,
}

impl Inputs {
    /// These inputs; `numbers` has the number of each one's interface. More may come.
    pub(super) fn new(taps: &[Tap], numbers: &[u32], may_grow: bool) -> Self {
        let mut interfaces = Interfaces::default();
        if may_grow {
            taps.iter().zip(numbers).for_each(|(tap, &number)| interfaces.know(&tap.name, number));
        }
        Self {
            names: taps.iter().map(|tap| tap.name.clone()).collect(),
            numbers: numbers.to_vec(),
            interfaces,
            http: taps.len() as u32,
        }
    }

    /// The number for conversations of no input.
    pub(super) fn http(&self) -> u32 {
        self.http
    }

    /// The number for conversations of the input with this number.
    #[inline(always)]
    pub(super) fn beyond_http(&self, number: u32) -> u32 {
        number + u32::from(number >= self.http)
    }

    /// The next input has come.
    pub(super) fn add(&mut self, name: String, capture: &mut Capture) {
        self.numbers.push(self.interfaces.number(&name, |name| capture.add_interface(name)));
        self.names.push(name);
    }

    pub(super) fn names(&self) -> &[String] {
        &self.names
    }

    /// The input with this number.
    #[inline(always)]
    pub(super) fn origin(&self, number: u32) -> InputRef<'_> {
        let place = number as usize;
        InputRef {
            number: self.beyond_http(number),
            interface: self.numbers[place],
            name: &self.names[place],
        }
    }
}
