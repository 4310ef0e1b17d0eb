//! Compiles `proto/` to Rust with protox and prost-build: no `protoc` and no network.
//!
//! From the same descriptors it makes `schema.rs`: for each message the numbers, names and types of its fields, and how a
//! reader of any encoding fills it (`src/protobuf`).
//!
//! Every `string` field becomes `bytes` in prost's structs: header values and pipe paths of older Envoys are not always UTF-8.

use std::collections::BTreeSet;
use std::error::Error;
use std::fmt::Write;
use std::path::Path;

use heck::{ToShoutySnakeCase, ToSnakeCase, ToUpperCamelCase};
use protox::prost_reflect::prost_types::field_descriptor_proto::{Label, Type};
use protox::prost_reflect::prost_types::{DescriptorProto, FieldDescriptorProto, FileDescriptorSet};

/// The files of `proto/` that no other imports.
const ROOTS: [&str; 7] = [
    "envoy/data/tap/v2alpha/wrapper.proto",
    "envoy/data/tap/v3/wrapper.proto",
    "gloo/tap.proto",
    "observer/observer.proto",
    "opencensus/proto/agent/trace/v1/trace_service.proto",
    "opentelemetry/proto/trace/v1/trace.proto",
    "retina/metadata.proto",
];

fn main() -> Result<(), Box<dyn Error>> {
    println!("cargo::rerun-if-changed=proto");
    let mut files: FileDescriptorSet = protox::compile(ROOTS, ["proto"])?;
    let mut schema = String::new();
    for file in &files.file {
        let module = format!("crate::proto::{}", path(file.package()));
        for message in &file.message_type {
            write_message(&mut schema, &module, message)?;
        }
    }
    write_scalars(&mut schema, &files)?;
    std::fs::write(Path::new(&std::env::var("OUT_DIR")?).join("schema.rs"), schema)?;
    for file in &mut files.file {
        file.message_type.iter_mut().for_each(strings_to_bytes);
    }
    prost_build::Config::new().compile_well_known_types().include_file("proto.rs").compile_fds(files)?;
    Ok(())
}

fn strings_to_bytes(message: &mut DescriptorProto) {
    // A map has no bytes for keys.
    if is_entry(message) {
        return;
    }
    for field in &mut message.field {
        if field.r#type() == Type::String {
            field.set_type(Type::Bytes);
        }
    }
    message.nested_type.iter_mut().for_each(strings_to_bytes);
}

/// Writes the schema of a message of a module, and of those in it.
fn write_message(out: &mut String, module: &str, message: &DescriptorProto) -> Result<(), Box<dyn Error>> {
    let name = message.name().to_upper_camel_case();
    let inner = format!("{module}::{}", path(message.name()));
    let [mut constants, mut pairs, mut numbers, mut types, mut arms] = [const { String::new() }; 5];
    for field in &message.field {
        let constant = field.name().to_shouty_snake_case();
        let number = field.number();
        writeln!(constants, "    pub(crate) const {constant}: u32 = {number};")?;
        writeln!(pairs, "        ({number}, {:?}, {:?}),", field.name(), field.json_name())?;
        let names = match field.json_name() {
            json if json == field.name() => format!("b{json:?}"),
            json => format!("b{:?} | b{json:?}", field.name()),
        };
        writeln!(numbers, "            {names} => Some({number}),")?;
        let is_repeated = field.label() == Label::Repeated;
        let is_map = is_map(field, message);
        let kind = if is_map { "Map" } else { kind(field)? };
        writeln!(
            types,
            "            {number} => Some(Field {{ kind: Kind::{kind}, is_repeated: {is_repeated} }}),"
        )?;
        // Who wants a map reads it entry by entry.
        let read = if is_map { "value.skip()?".to_owned() } else { read(field, message, &inner)? };
        writeln!(arms, "            {number} => {read},")?;
    }
    write!(
        out,
        "/// The numbers of the fields.
impl {module}::{name} {{
{constants}
    /// The number of each field, its name, and its name in JSON.
    pub(crate) const NAMES: &[(u32, &str, &str)] = &[
{pairs}    ];
}}

impl Schema for {module}::{name} {{
    fn number(name: &[u8]) -> Option<u32> {{
        match name {{
{numbers}            _ => None,
        }}
    }}

    fn field(number: u32) -> Option<Field> {{
        match number {{
{types}            _ => None,
        }}
    }}
}}

impl Message for {module}::{name} {{
    type Schema = Self;

    fn take<E: Encoding>(&mut self, number: u32, value: &mut Reader<'_, E>) -> Result<(), Damage> {{
        match number {{
{arms}            _ => value.skip()?,
        }}
        Ok(())
    }}
}}

"
    )?;
    let mut nested = message.nested_type.iter().filter(|nested| !is_entry(nested));
    nested.try_for_each(|nested| write_message(out, &inner, nested))
}

/// Whether a message is what protoc makes of an entry of a map.
fn is_entry(message: &DescriptorProto) -> bool {
    message.options.as_ref().is_some_and(|options| options.map_entry())
}

/// Whether a field of a message is a map.
fn is_map(field: &FieldDescriptorProto, message: &DescriptorProto) -> bool {
    let entry = field.type_name().rsplit('.').next().unwrap_or_default();
    message.nested_type.iter().any(|nested| nested.name() == entry && is_entry(nested))
}

/// Writes the names of the scalar fields of Envoy's messages of today.
fn write_scalars(out: &mut String, files: &FileDescriptorSet) -> Result<(), std::fmt::Error> {
    let is_today = |package: &str| package.ends_with(".v3") || package.starts_with("google.");
    let today = files.file.iter().filter(|file| is_today(file.package()));
    let mut messages: Vec<&DescriptorProto> = today.flat_map(|file| &file.message_type).collect();
    let mut names = BTreeSet::new();
    while let Some(message) = messages.pop() {
        messages.extend(&message.nested_type);
        names.extend(
            message.field.iter().filter(|field| field.r#type() != Type::Message).map(|field| field.name()),
        );
    }
    writeln!(out, "/// The names of the scalar fields of Envoy's messages of today.")?;
    writeln!(out, "pub(crate) const SCALAR_NAMES: &[&str] = &{:?};", names.iter().collect::<Vec<_>>())
}

/// The Rust path of a package, or of the messages around another.
fn path(scope: &str) -> String {
    let modules: Vec<String> = scope.split('.').map(|part| format!("r#{}", part.to_snake_case())).collect();
    modules.join("::")
}

/// The variant of `protobuf::Kind` for a field.
fn kind(field: &FieldDescriptorProto) -> Result<&'static str, String> {
    Ok(match field.r#type() {
        Type::Bytes | Type::String => "Bytes",
        Type::Message => "Message",
        Type::Double | Type::Fixed64 | Type::Sfixed64 => "Fixed(8)",
        Type::Float | Type::Fixed32 | Type::Sfixed32 => "Fixed(4)",
        Type::Bool | Type::Enum | Type::Int32 | Type::Int64 | Type::Uint32 | Type::Uint64 => "Number",
        other => return Err(format!("{}: no reader reads the type {other:?} yet", field.name())),
    })
}

/// Whether a message is one of `google/protobuf/wrappers.proto`.
fn is_wrapper(message: &str) -> bool {
    message.starts_with(".google.protobuf.") && message.ends_with("Value")
}

/// The expression that reads a field into the struct of its message. `inner` is the module of what is in the message.
fn read(field: &FieldDescriptorProto, message: &DescriptorProto, inner: &str) -> Result<String, String> {
    let member = format!("self.r#{}", field.name().to_snake_case());
    let scalar = match field.r#type() {
        Type::Bool => Some("value.boolean()?".to_owned()),
        Type::Double => Some("value.double()?".to_owned()),
        Type::Float => Some("value.double()? as f32".to_owned()),
        Type::Fixed64 => Some("value.unsigned()?".to_owned()),
        Type::Fixed32 => Some("value.unsigned()? as u32".to_owned()),
        Type::Sfixed64 => Some("value.signed()?".to_owned()),
        Type::Sfixed32 => Some("value.signed()? as i32".to_owned()),
        Type::Int32 => Some("value.signed()? as i32".to_owned()),
        Type::Int64 => Some("value.signed()?".to_owned()),
        Type::Uint32 => {
            // Text and JSON can say more: what is too large stays so.
            Some("u32::try_from(value.unsigned()?).unwrap_or(u32::MAX)".to_owned())
        }
        Type::Uint64 => Some("value.unsigned()?".to_owned()),
        Type::Enum => {
            let name = field.type_name().trim_start_matches('.');
            let (scope, name) = name.rsplit_once('.').ok_or("an enum without a package")?;
            let path = format!("crate::proto::{}::{}", path(scope), name.to_upper_camel_case());
            Some(format!("value.enumeration(|name| {path}::from_str_name(name).map(|value| value as i32))?"))
        }
        _ => None,
    };
    let into = match field.r#type() {
        Type::Message if is_wrapper(field.type_name()) => "wrapper",
        Type::Message => "message",
        Type::String => "string",
        _ => "bytes",
    };
    let is_repeated = field.label() == Label::Repeated;
    if let Some(oneof) = field.oneof_index.filter(|_| !field.proto3_optional()) {
        let oneof = message.oneof_decl[oneof as usize].name();
        let (oneof, variant) = (
            oneof.to_snake_case(),
            format!("{inner}::{}::{}", oneof.to_upper_camel_case(), field.name().to_upper_camel_case()),
        );
        return Ok(match scalar {
            Some(scalar) => format!("self.r#{oneof} = Some({variant}({scalar}))"),
            None => format!(
                "{{ if !matches!(self.r#{oneof}, Some({variant}(_))) {{ self.r#{oneof} = Some({variant}(Default::default())); }} if let Some({variant}(to)) = &mut self.r#{oneof} {{ value.{into}(to)? }} }}"
            ),
        });
    }
    Ok(match (scalar, is_repeated, field.proto3_optional()) {
        (Some(scalar), true, _) => format!("{member}.push({scalar})"),
        (Some(scalar), false, true) => format!("{member} = Some({scalar})"),
        (Some(scalar), false, false) => format!("{member} = {scalar}"),
        (None, true, _) => {
            format!("{{ let mut to = Default::default(); value.{into}(&mut to)?; {member}.push(to) }}")
        }
        (None, false, optional) if optional || field.r#type() == Type::Message => {
            format!("value.{into}({member}.get_or_insert_default())?")
        }
        (None, false, _) => format!("value.{into}(&mut {member})?"),
    })
}
