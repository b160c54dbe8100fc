//! The value model.

use std::fmt;
use std::sync::Arc;

use secrecy::SecretString;
use uuid::Uuid;

use super::object::Object;
use super::text::Text;
use crate::wiped::wiped_by_parts;

/// A PowerShell value as CLIXML carries it, `[MS-PSRP] 2.2.5`.
///
/// A value from a peer is at most 200 objects deep, but since `Ref` shares objects, 30 of them can hold what would be
/// 2^30 if it were copied: walk such a value with a budget or by [`Arc::as_ptr`]. Comparing and `Debug` do not.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Value {
    /// `Nil`
    Nil,
    /// `S`
    String(Text),
    /// `C`: one UTF-16 code unit, possibly half of a surrogate pair
    Char(u16),
    /// `B`
    Bool(bool),
    /// `By`
    Byte(u8),
    /// `SB`
    SByte(i8),
    /// `I16`
    Int16(i16),
    /// `U16`
    UInt16(u16),
    /// `I32`
    Int32(i32),
    /// `U32`
    UInt32(u32),
    /// `I64`
    Int64(i64),
    /// `U64`
    UInt64(u64),
    /// `Sg`
    Single(f32),
    /// `Db`
    Double(f64),
    /// `D`; boxed, since it is large and rare
    Decimal(Box<Decimal>),
    /// `DT`
    DateTime(DateTime),
    /// `TS`
    TimeSpan(TimeSpan),
    /// `BA`
    Bytes(Vec<u8>),
    /// `G`
    Guid(Uuid),
    /// `URI`
    Uri(Text),
    /// `Version`
    Version(Version),
    /// `XD`, kept as text
    Xml(Text),
    /// `SBK`, never run
    ScriptBlock(Text),
    /// `SS`
    SecureString(SecureText),
    /// `PR`
    Progress(Box<ProgressRecord>),
    /// `Obj`, shared where the text used `Ref`
    Object(Arc<Object>),
    /// A `Ref` to an object that was still open, that is a cycle: the [`Object::id`] it names
    Cycle(u32),
}

/// A SecureString, `[MS-PSRP] 2.2.5.1.24`.
#[derive(Clone)]
pub enum SecureText {
    /// In clear, in memory only; encrypted when it is encoded.
    Clear(SecretString),
    /// The text of the `SS` element, to be decrypted once there is a session key.
    Encrypted(Arc<str>),
}

wiped_by_parts!(SecureText: SecretString);

impl fmt::Debug for SecureText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecureString(***)")
    }
}

/// Ciphertexts compare by text; a clear text is equal to nothing, so that comparing never leaks.
impl PartialEq for SecureText {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Encrypted(a), Self::Encrypted(b)) => a == b,
            _ => false,
        }
    }
}

/// A `System.Decimal`: a 96-bit integer, a scale and a sign.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Decimal {
    /// The digits as an integer below 2^96
    pub mantissa: u128,
    /// Digits after the point, 0 to 28
    pub scale: u8,
    /// Whether the number is negative
    pub negative: bool,
}

/// A `System.DateTime`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DateTime {
    /// Ticks of 100 ns since 0001-01-01T00:00:00 in the zone that `offset_minutes` names
    pub ticks: i64,
    /// What the text said of the zone
    pub zone: Zone,
}

/// The zone of a [`DateTime`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Zone {
    /// Nothing was said
    Unspecified,
    /// `Z`
    Utc,
    /// An offset in minutes east of UTC
    Offset(i16),
}

/// A `System.TimeSpan` in ticks of 100 ns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TimeSpan(pub i64);

/// A `System.Version` of two to four parts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Version(pub Vec<u32>);

/// A progress record, `[MS-PSRP] 2.2.5.1.25`.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct ProgressRecord {
    pub activity: Text,
    pub activity_id: i32,
    pub status: Text,
    pub current_operation: Option<Text>,
    pub parent_activity_id: i32,
    pub percent_complete: i32,
    pub seconds_remaining: i32,
    /// 0 processing, 1 completed
    pub record_type: i32,
}
