//! `Obj`: type names, text, container and properties.

use std::sync::Arc;

use super::text::Text;
use super::value::Value;

/// An `Obj` element, `[MS-PSRP] 2.2.5.2`.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Object {
    /// Ordinal of the object in its document, in the order of start tags; what [`Value::Cycle`] names.
    pub id: u32,
    /// Type names as written, most derived first, without a `Deserialized.` prefix of ours; shared where `TNRef` was used.
    pub type_names: Option<Arc<[Text]>>,
    /// `ToString`
    pub to_string: Option<Text>,
    /// The primitive or container that the object wraps
    pub base: Container,
    /// `Props`
    pub adapted: Properties,
    /// `MS`
    pub extended: Properties,
}

/// What an [`Object`] wraps.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Container {
    /// Nothing but properties
    #[default]
    None,
    /// A primitive (an enum's number, a string with notes) or another object
    Value(Box<Value>),
    /// `LST`
    List(Vec<Value>),
    /// `IE`
    Enumerable(Vec<Value>),
    /// `QUE`, head first
    Queue(Vec<Value>),
    /// `STK`, top first
    Stack(Vec<Value>),
    /// `DCT`, in the order of the text
    Dictionary(Vec<(Value, Value)>),
}

/// Named members in the order of the text.
pub type Properties = Vec<(Arc<Text>, Member)>;

/// A member of an object.
#[derive(Clone, Debug, PartialEq)]
pub enum Member {
    /// A property
    Value(Value),
    /// A member set inside `MS`; a set inside a set is read as empty
    Set(Properties),
}
