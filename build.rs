//! Compiles `proto/` to Rust with protox and prost-build: no `protoc` and no network.
//!
//! Every `string` field becomes `bytes`: prost rejects a whole message for one value that is not UTF-8, and header
//! values and pipe paths of older Envoys are not always.

use std::error::Error;

use protox::prost_reflect::prost_types::field_descriptor_proto::Type;
use protox::prost_reflect::prost_types::{DescriptorProto, FileDescriptorSet};

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let mut files: FileDescriptorSet = protox::compile(["envoy/data/tap/v3/wrapper.proto"], ["proto"])?;
    for file in &mut files.file {
        file.message_type.iter_mut().for_each(strings_to_bytes);
    }
    prost_build::Config::new().include_file("envoy.rs").compile_fds(files)?;
    Ok(())
}

fn strings_to_bytes(message: &mut DescriptorProto) {
    for field in &mut message.field {
        if field.r#type() == Type::String {
            field.set_type(Type::Bytes);
        }
    }
    message.nested_type.iter_mut().for_each(strings_to_bytes);
}
