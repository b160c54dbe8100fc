//! Reading the big-endian files of MIT Kerberos.

use super::{KerberosError, NameType, Principal};

/// Most components that a name in a file may have.
const MAX_PARTS: usize = 16;

/// What is left of a file, or of one entry of it.
pub(super) struct Reader<'a> {
    rest: &'a [u8],
    what: &'static str,
}

impl<'a> Reader<'a> {
    /// Errors will say that `what` is malformed.
    pub(super) fn new(rest: &'a [u8], what: &'static str) -> Self {
        Self { rest, what }
    }

    pub(super) fn malformed(&self, why: &'static str) -> KerberosError {
        KerberosError::malformed(self.what, why)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.rest.is_empty()
    }

    pub(super) fn left(&self) -> usize {
        self.rest.len()
    }

    pub(super) fn bytes(&mut self, count: usize) -> Result<&'a [u8], KerberosError> {
        let (bytes, rest) =
            self.rest.split_at_checked(count).ok_or_else(|| self.malformed("it ends too early"))?;
        self.rest = rest;
        Ok(bytes)
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], KerberosError> {
        let mut array = [0; N];
        array.copy_from_slice(self.bytes(N)?);
        Ok(array)
    }

    pub(super) fn u8(&mut self) -> Result<u8, KerberosError> {
        Ok(u8::from_be_bytes(self.array()?))
    }

    pub(super) fn u16(&mut self) -> Result<u16, KerberosError> {
        Ok(u16::from_be_bytes(self.array()?))
    }

    pub(super) fn u32(&mut self) -> Result<u32, KerberosError> {
        Ok(u32::from_be_bytes(self.array()?))
    }

    pub(super) fn i32(&mut self) -> Result<i32, KerberosError> {
        Ok(i32::from_be_bytes(self.array()?))
    }

    /// As many bytes as the two bytes in front say.
    pub(super) fn data16(&mut self) -> Result<&'a [u8], KerberosError> {
        let length = self.u16()?;
        self.bytes(usize::from(length))
    }

    /// As many bytes as the four bytes in front say.
    pub(super) fn data32(&mut self) -> Result<&'a [u8], KerberosError> {
        let length = self.u32()?;
        self.bytes(usize::try_from(length).map_err(|_| self.malformed("a length is out of range"))?)
    }

    /// A realm and the components of a name, each read by `text`.
    pub(super) fn principal(
        &mut self,
        parts: usize,
        mut text: impl FnMut(&mut Self) -> Result<&'a [u8], KerberosError>,
    ) -> Result<Principal, KerberosError> {
        if parts > MAX_PARTS {
            return Err(self.malformed("a name has too many components"));
        }
        // Names in another encoding are kept readable: nobody can ask for them, and they hurt nobody.
        let mut next = || Ok(String::from_utf8_lossy(text(self)?).into_owned());
        let realm = next()?;
        let parts = (0..parts).map(|_| next()).collect::<Result<_, KerberosError>>()?;
        Ok(Principal { realm, name_type: NameType::Unknown, parts })
    }
}

/// `KIND:rest` in capitals and the rest; a single letter in front of the colon is a drive of Windows.
pub(super) fn file_kind(name: &str) -> (Option<String>, &str) {
    match name.split_once(':') {
        Some((kind, rest)) if kind.len() > 1 && kind.bytes().all(|byte| byte.is_ascii_alphanumeric()) => {
            (Some(kind.to_ascii_uppercase()), rest)
        }
        _ => (None, name),
    }
}
