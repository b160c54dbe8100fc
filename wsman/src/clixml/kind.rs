//! The elements of CLIXML.

macro_rules! kinds {
    ($($(#[$doc:meta])* $kind:ident [$($letter:literal)*],)*) => {
        /// An element by its local name.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub(super) enum Kind {
            $($kind,)*
            Unknown,
        }

        impl Kind {
            /// Compared letter by letter: this is done for every element, and names are short.
            pub(super) fn of(name: &str) -> Self {
                match name.as_bytes() {
                    $([$($letter),*] => Self::$kind,)*
                    _ => Self::Unknown,
                }
            }
        }
    };
}

kinds! {
    String [b'S'],
    Nil [b'N' b'i' b'l'],
    Boolean [b'B'],
    Object [b'O' b'b' b'j'],
    Int32 [b'I' b'3' b'2'],
    DateTime [b'D' b'T'],
    Guid [b'G'],
    Reference [b'R' b'e' b'f'],
    List [b'L' b'S' b'T'],
    TypeNames [b'T' b'N'],
    TypeNamesReference [b'T' b'N' b'R' b'e' b'f'],
    TypeName [b'T'],
    ToString [b'T' b'o' b'S' b't' b'r' b'i' b'n' b'g'],
    Properties [b'P' b'r' b'o' b'p' b's'],
    Members [b'M' b'S'],
    Dictionary [b'D' b'C' b'T'],
    Entry [b'E' b'n'],
    Enumerable [b'I' b'E'],
    Queue [b'Q' b'U' b'E'],
    Stack [b'S' b'T' b'K'],
    Char [b'C'],
    Byte [b'B' b'y'],
    SByte [b'S' b'B'],
    Int16 [b'I' b'1' b'6'],
    UInt16 [b'U' b'1' b'6'],
    UInt32 [b'U' b'3' b'2'],
    Int64 [b'I' b'6' b'4'],
    UInt64 [b'U' b'6' b'4'],
    Single [b'S' b'g'],
    Double [b'D' b'b'],
    Decimal [b'D'],
    TimeSpan [b'T' b'S'],
    Bytes [b'B' b'A'],
    Uri [b'U' b'R' b'I'],
    Version [b'V' b'e' b'r' b's' b'i' b'o' b'n'],
    Xml [b'X' b'D'],
    ScriptBlock [b'S' b'B' b'K'],
    SecureString [b'S' b'S'],
    Progress [b'P' b'R'],
    Document [b'O' b'b' b'j' b's'],
}
