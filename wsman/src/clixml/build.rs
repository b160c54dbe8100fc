//! Making values as a real client sends them.

use std::sync::Arc;

use uuid::Uuid;

use super::object::{Container, Member, Object, Properties};
use super::text::Text;
use super::value::{SecureText, Value, Version};

/// An [`Object`] being put together.
impl Object {
    /// An object of these types, most derived first.
    pub fn of_type(names: &[&str]) -> Self {
        Self { type_names: Some(names.iter().map(|name| Text::from(*name)).collect()), ..Self::default() }
    }

    /// With the text that `ToString` gives.
    #[must_use]
    pub fn with_text(mut self, text: impl Into<Text>) -> Self {
        self.to_string = Some(text.into());
        self
    }

    /// Around a primitive or container.
    #[must_use]
    pub fn with_base(mut self, base: Container) -> Self {
        self.base = base;
        self
    }

    /// With a note property more (`MS`).
    #[must_use]
    pub fn with(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.extended.push((Arc::new(Text::from(name)), Member::Value(value.into())));
        self
    }

    /// With an adapted property more (`Props`).
    #[must_use]
    pub fn with_adapted(mut self, name: &str, value: impl Into<Value>) -> Self {
        self.adapted.push((Arc::new(Text::from(name)), Member::Value(value.into())));
        self
    }
}

impl Value {
    /// `[object[]]`, as the real client writes arrays.
    pub fn array(items: Vec<Self>) -> Self {
        let names = ["System.Object[]", "System.Array", "System.Object"];
        Object::of_type(&names).with_base(Container::List(items)).into()
    }

    /// `System.Collections.ArrayList`.
    pub fn list(items: Vec<Self>) -> Self {
        let names = ["System.Collections.ArrayList", "System.Object"];
        Object::of_type(&names).with_base(Container::List(items)).into()
    }

    /// `[string[]]`.
    pub fn strings<I: IntoIterator<Item = S>, S: Into<Text>>(items: I) -> Self {
        let names = ["System.String[]", "System.Array", "System.Object"];
        let items = items.into_iter().map(|item| Self::String(item.into())).collect();
        Object::of_type(&names).with_base(Container::List(items)).into()
    }

    /// `@{...}`: a Hashtable, in the order given.
    pub fn hashtable<K: Into<Self>, V: Into<Self>>(entries: impl IntoIterator<Item = (K, V)>) -> Self {
        let names = ["System.Collections.Hashtable", "System.Object"];
        let entries = entries.into_iter().map(|(key, value)| (key.into(), value.into())).collect();
        Object::of_type(&names).with_base(Container::Dictionary(entries)).into()
    }

    /// `[pscustomobject]@{...}`.
    pub fn custom<'a>(properties: impl IntoIterator<Item = (&'a str, Self)>) -> Self {
        let names = ["System.Management.Automation.PSCustomObject", "System.Object"];
        let extended: Properties = properties
            .into_iter()
            .map(|(name, value)| (Arc::new(Text::from(name)), Member::Value(value)))
            .collect();
        Object { extended, ..Object::of_type(&names) }.into()
    }

    /// An enum with the number of its usual base type.
    pub fn enumeration(type_name: &str, name: &str, number: i32) -> Self {
        Object::of_type(&[type_name, "System.Enum", "System.ValueType", "System.Object"])
            .with_text(name)
            .with_base(Container::Value(Box::new(Self::Int32(number))))
            .into()
    }

    /// A SecureString, encrypted when it is encoded.
    pub fn secure(text: impl Into<String>) -> Self {
        Self::SecureString(SecureText::clear(text))
    }

    /// A PSCredential.
    pub fn credential(user_name: &str, password: SecureText) -> Self {
        const TYPE: &str = "System.Management.Automation.PSCredential";
        Object::of_type(&[TYPE, "System.Object"])
            .with_text(TYPE)
            .with_adapted("UserName", user_name)
            .with_adapted("Password", Self::SecureString(password))
            .into()
    }

    /// A switch parameter that is given.
    pub fn switch(present: bool) -> Self {
        const TYPE: &str = "System.Management.Automation.SwitchParameter";
        Object::of_type(&[TYPE, "System.ValueType", "System.Object"])
            .with_text(if present { "True" } else { "False" })
            .with_adapted("IsPresent", present)
            .into()
    }
}

impl From<Object> for Value {
    fn from(object: Object) -> Self {
        Self::Object(Arc::new(object))
    }
}

macro_rules! from {
    ($($source:ty => |$value:ident| $target:expr;)*) => {$(
        impl From<$source> for Value {
            fn from($value: $source) -> Self {
                $target
            }
        }
    )*};
}

from! {
    &str => |value| Self::String(Text::from(value));
    String => |value| Self::String(Text::from(value));
    Text => |value| Self::String(value);
    bool => |value| Self::Bool(value);
    u8 => |value| Self::Byte(value);
    i8 => |value| Self::SByte(value);
    i16 => |value| Self::Int16(value);
    u16 => |value| Self::UInt16(value);
    i32 => |value| Self::Int32(value);
    u32 => |value| Self::UInt32(value);
    i64 => |value| Self::Int64(value);
    u64 => |value| Self::UInt64(value);
    f32 => |value| Self::Single(value);
    f64 => |value| Self::Double(value);
    Uuid => |value| Self::Guid(value);
    Version => |value| Self::Version(value);
    SecureText => |value| Self::SecureString(value);
}

impl<T: Into<Self>> From<Option<T>> for Value {
    /// `None` is null.
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Nil, Into::into)
    }
}
