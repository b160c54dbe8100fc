//! NegotiationToken, RFC 4178 section 4.2 and `[MS-SPNG] 2.2.1`.

use std::fmt;

use der::asn1::ObjectIdentifier;

use crate::auth::{
    AuthError, Mechanism,
    der::{self as tlv, AnyRef, Malformed, Tag, TagNumber},
};

/// Most mechanisms that one token may name.
const MAX_MECHANISMS: usize = 32;
/// Most fields of one token.
const MAX_FIELDS: usize = 8;

const SPNEGO: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.5.5.2");
const NTLM: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.311.2.2.10");
const KERBEROS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113554.1.2.2");
const MS_KERBEROS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.48018.1.2.2");

/// MechType: the name of a mechanism, RFC 4178 section 4.1.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum MechType {
    /// NTLMSSP, `[MS-NLMP] 1.9`.
    Ntlm,
    /// RFC 4121.
    Kerberos,
    /// Kerberos under the wrong number of Windows 2000, `[MS-SPNG] 1.9`.
    MsKerberos,
    /// Any other, in dots.
    Other(String),
}

impl MechType {
    /// The mechanism that is meant, where it is one of ours.
    #[must_use]
    pub fn mechanism(&self) -> Option<Mechanism> {
        match self {
            Self::Ntlm => Some(Mechanism::Ntlm),
            Self::Kerberos | Self::MsKerberos => Some(Mechanism::Kerberos),
            Self::Other(_) => None,
        }
    }

    /// The names under which a mechanism is offered, preferred first.
    #[must_use]
    pub fn of(mechanism: Mechanism) -> Vec<Self> {
        match mechanism {
            Mechanism::Ntlm => vec![Self::Ntlm],
            Mechanism::Kerberos => vec![Self::Kerberos, Self::MsKerberos],
        }
    }

    fn read(value: AnyRef<'_>) -> Result<Self, Malformed> {
        Self::from_content(tlv::content(value, Tag::ObjectIdentifier)?)
    }

    fn from_content(bytes: &[u8]) -> Result<Self, Malformed> {
        let oid = ObjectIdentifier::from_bytes(bytes).map_err(|_| Malformed)?;
        Ok(match oid {
            NTLM => Self::Ntlm,
            KERBEROS => Self::Kerberos,
            MS_KERBEROS => Self::MsKerberos,
            other => Self::Other(other.to_string()),
        })
    }

    fn to_der(&self) -> Result<Vec<u8>, AuthError> {
        let oid = match self {
            Self::Ntlm => NTLM,
            Self::Kerberos => KERBEROS,
            Self::MsKerberos => MS_KERBEROS,
            Self::Other(dots) => dots.parse().map_err(|_| AuthError::Caller("not an object identifier"))?,
        };
        tlv::write(Tag::ObjectIdentifier, oid.as_bytes())
    }
}

impl fmt::Display for MechType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ntlm => f.write_str("NTLM"),
            Self::Kerberos => f.write_str("Kerberos"),
            Self::MsKerberos => f.write_str("Kerberos (Microsoft)"),
            Self::Other(dots) => f.write_str(dots),
        }
    }
}

/// negState, RFC 4178 section 4.2.2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NegState {
    /// accept-completed
    AcceptCompleted = 0,
    /// accept-incomplete
    AcceptIncomplete = 1,
    /// reject
    Reject = 2,
    /// request-mic
    RequestMic = 3,
}

/// What a first token can be.
#[derive(Clone, PartialEq, Eq)]
pub enum InitialToken {
    /// SPNEGO.
    Spnego(NegTokenInit),
    /// A mechanism's own token, not wrapped.
    Bare(Mechanism),
}

impl InitialToken {
    /// Reads the GSS-API framing, RFC 2743 section 3.1; NTLM has none.
    ///
    /// # Errors
    /// [`AuthError::Malformed`], [`AuthError::NoCommonMechanism`].
    pub fn parse(bytes: &[u8]) -> Result<Self, AuthError> {
        const WHAT: &str = "GSS-API token";
        if bytes.starts_with(b"NTLMSSP\0") {
            return Ok(Self::Bare(Mechanism::Ntlm));
        }
        let framed = tlv::only(bytes).and_then(|value| tlv::content(value, application_0()));
        let framed = framed.map_err(Malformed::of(WHAT))?;
        let (mech_type, inner) = tlv::first(framed).map_err(Malformed::of(WHAT))?;
        let oid = tlv::content(mech_type, Tag::ObjectIdentifier).map_err(Malformed::of(WHAT))?;
        if oid == SPNEGO.as_bytes() {
            return NegTokenInit::parse(inner).map(Self::Spnego);
        }
        let mech_type = MechType::from_content(oid).map_err(Malformed::of(WHAT))?;
        let offered = mech_type.to_string();
        mech_type.mechanism().map(Self::Bare).ok_or(AuthError::NoCommonMechanism { offered })
    }
}

/// NegTokenInit, RFC 4178 section 4.2.1, or NegTokenInit2, `[MS-SPNG] 2.2.1`.
#[derive(Clone, PartialEq, Eq)]
pub struct NegTokenInit {
    /// mechTypes, preferred first.
    pub mech_types: Vec<MechType>,
    /// The same in DER as sent: what a mechListMIC is calculated over.
    pub mech_list: Vec<u8>,
    /// mechToken.
    pub mech_token: Option<Vec<u8>>,
    /// mechListMIC.
    pub mech_list_mic: Option<Vec<u8>>,
}

impl NegTokenInit {
    /// An offer with the first one's token.
    ///
    /// # Errors
    /// A mechanism's name is not an object identifier.
    pub fn new(mech_types: Vec<MechType>, mech_token: Option<Vec<u8>>) -> Result<Self, AuthError> {
        let names = mech_types.iter().map(MechType::to_der).collect::<Result<Vec<_>, _>>()?;
        let mech_list = tlv::write(Tag::Sequence, &names.concat())?;
        Ok(Self { mech_types, mech_list, mech_token, mech_list_mic: None })
    }

    /// What stands inside the GSS-API framing.
    fn parse(bytes: &[u8]) -> Result<Self, AuthError> {
        Self::read(bytes).map_err(Malformed::of("NegTokenInit"))
    }

    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let fields = tlv::content(tlv::only(bytes)?, tlv::context(0))?;
        let fields = tlv::list(tlv::content(tlv::only(fields)?, Tag::Sequence)?, MAX_FIELDS)?;
        let mut token =
            Self { mech_types: Vec::new(), mech_list: Vec::new(), mech_token: None, mech_list_mic: None };
        for field in fields {
            match context_number(field)? {
                0 => {
                    token.mech_list = field.value().to_vec();
                    let names = tlv::list(tlv::inner(field, Tag::Sequence)?, MAX_MECHANISMS)?;
                    token.mech_types = names.into_iter().map(MechType::read).collect::<Result<_, _>>()?;
                }
                2 => token.mech_token = Some(octets(field)?),
                // NegTokenInit2 has negHints here, and the MIC behind them.
                3 if tlv::only(field.value())?.header().tag() == Tag::Sequence => {}
                3 | 4 => token.mech_list_mic = Some(octets(field)?),
                _ => {}
            }
        }
        Ok(token)
    }

    /// The token in its GSS-API framing.
    ///
    /// # Errors
    /// It is too long.
    pub fn to_bytes(&self) -> Result<Vec<u8>, AuthError> {
        let mut fields = tlv::write(tlv::context(0), &self.mech_list)?;
        write_octets(2, self.mech_token.as_deref(), &mut fields)?;
        write_octets(3, self.mech_list_mic.as_deref(), &mut fields)?;
        let token = tlv::write(tlv::context(0), &tlv::write(Tag::Sequence, &fields)?)?;
        let name = tlv::write(Tag::ObjectIdentifier, SPNEGO.as_bytes())?;
        tlv::write(application_0(), &[name, token].concat())
    }
}

/// NegTokenResp, RFC 4178 section 4.2.2.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct NegTokenResp {
    /// negState.
    pub state: Option<NegState>,
    /// supportedMech.
    pub supported_mech: Option<MechType>,
    /// responseToken.
    pub response_token: Option<Vec<u8>>,
    /// mechListMIC.
    pub mech_list_mic: Option<Vec<u8>>,
}

impl NegTokenResp {
    /// Reads a token.
    ///
    /// # Errors
    /// [`AuthError::Malformed`].
    pub fn parse(bytes: &[u8]) -> Result<Self, AuthError> {
        Self::read(bytes).map_err(Malformed::of("NegTokenResp"))
    }

    fn read(bytes: &[u8]) -> Result<Self, Malformed> {
        let fields = tlv::content(tlv::only(bytes)?, tlv::context(1))?;
        let fields = tlv::list(tlv::content(tlv::only(fields)?, Tag::Sequence)?, MAX_FIELDS)?;
        let mut token = Self::default();
        for field in fields {
            match context_number(field)? {
                0 => token.state = Some(neg_state(tlv::inner(field, Tag::Enumerated)?)?),
                1 => token.supported_mech = Some(MechType::read(tlv::only(field.value())?)?),
                2 => token.response_token = Some(octets(field)?),
                3 => token.mech_list_mic = Some(octets(field)?),
                _ => {}
            }
        }
        Ok(token)
    }

    /// The token.
    ///
    /// # Errors
    /// It is too long.
    pub fn to_bytes(&self) -> Result<Vec<u8>, AuthError> {
        let mut fields = Vec::new();
        if let Some(state) = self.state {
            fields.extend(tlv::write(tlv::context(0), &tlv::write(Tag::Enumerated, &[state as u8])?)?);
        }
        if let Some(mech) = &self.supported_mech {
            fields.extend(tlv::write(tlv::context(1), &mech.to_der()?)?);
        }
        write_octets(2, self.response_token.as_deref(), &mut fields)?;
        write_octets(3, self.mech_list_mic.as_deref(), &mut fields)?;
        tlv::write(tlv::context(1), &tlv::write(Tag::Sequence, &fields)?)
    }
}

/// Tokens of a mechanism stay out of logs.
impl fmt::Debug for NegTokenInit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NegTokenInit").field("mech_types", &self.mech_types).finish_non_exhaustive()
    }
}

impl fmt::Debug for NegTokenResp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NegTokenResp")
            .field("state", &self.state)
            .field("supported_mech", &self.supported_mech)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for InitialToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Spnego(token) => token.fmt(f),
            Self::Bare(mechanism) => f.debug_tuple("Bare").field(mechanism).finish(),
        }
    }
}

fn neg_state(content: &[u8]) -> Result<NegState, Malformed> {
    match content {
        [0] => Ok(NegState::AcceptCompleted),
        [1] => Ok(NegState::AcceptIncomplete),
        [2] => Ok(NegState::Reject),
        [3] => Ok(NegState::RequestMic),
        _ => Err(Malformed),
    }
}

fn application_0() -> Tag {
    Tag::Application { constructed: true, number: TagNumber(0) }
}

fn context_number(field: AnyRef<'_>) -> Result<u32, Malformed> {
    match field.header().tag() {
        Tag::ContextSpecific { constructed: true, number } => Ok(number.value()),
        _ => Err(Malformed),
    }
}

fn octets(field: AnyRef<'_>) -> Result<Vec<u8>, Malformed> {
    Ok(tlv::inner(field, Tag::OctetString)?.to_vec())
}

fn write_octets(number: u32, content: Option<&[u8]>, fields: &mut Vec<u8>) -> Result<(), AuthError> {
    if let Some(content) = content {
        fields.extend(tlv::write(tlv::context(number), &tlv::write(Tag::OctetString, content)?)?);
    }
    Ok(())
}
