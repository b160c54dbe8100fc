//! Per-message tokens, RFC 4121 4.2, in the layout that WinRM expects of them.

use secrecy::zeroize::Zeroizing;

use crate::auth::{AuthError, Protection, Sealed};

use super::{EncryptionType, Key, rc4_wrap, usage};

/// A token's header, RFC 4121 4.2.6.
const HEADER: usize = 16;
const WRAP: [u8; 2] = [5, 4];
const MIC: [u8; 2] = [4, 4];

const SENT_BY_ACCEPTOR: u8 = 1;
const SEALED: u8 = 2;
const ACCEPTOR_SUBKEY: u8 = 4;

/// Which side of the context this is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Initiator,
    Acceptor,
}

impl Role {
    fn peer(self) -> Self {
        match self {
            Self::Initiator => Self::Acceptor,
            Self::Acceptor => Self::Initiator,
        }
    }

    fn seal_usage(self) -> u32 {
        match self {
            Self::Initiator => usage::INITIATOR_SEAL,
            Self::Acceptor => usage::ACCEPTOR_SEAL,
        }
    }

    fn sign_usage(self) -> u32 {
        match self {
            Self::Initiator => usage::INITIATOR_SIGN,
            Self::Acceptor => usage::ACCEPTOR_SIGN,
        }
    }
}

/// Random bytes for confounders. The only randomness that a context needs after the sign-in.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;

/// An established context: one key, a sequence number for each direction.
pub(super) struct KerberosProtection {
    key: Key,
    /// Whether the key came from the acceptor, RFC 4121 2.
    acceptor_subkey: bool,
    role: Role,
    /// Of the next message that is sent
    outgoing: u64,
    /// The lowest number that a sealed message from the peer may have: none is taken twice, and none out of order. A
    /// higher one is taken, for a mechListMIC may have used up a number or not
    incoming: u64,
    random: Random,
    broken: bool,
}

impl KerberosProtection {
    pub(super) fn new(
        key: Key,
        acceptor_subkey: bool,
        role: Role,
        (outgoing, incoming): (u64, u64),
        random: Random,
    ) -> Self {
        Self { key, acceptor_subkey, role, outgoing, incoming, random, broken: false }
    }

    fn flags(&self, role: Role, sealed: bool) -> u8 {
        let mut flags = if self.acceptor_subkey { ACCEPTOR_SUBKEY } else { 0 };
        if role == Role::Acceptor {
            flags |= SENT_BY_ACCEPTOR;
        }
        if sealed {
            flags |= SEALED;
        }
        flags
    }

    fn next_outgoing(&mut self) -> u64 {
        let number = self.outgoing;
        self.outgoing = self.outgoing.wrapping_add(1);
        number
    }

    /// Takes note of a number of the peer; not one that was there before.
    fn accept(&mut self, number: u64) -> Result<(), AuthError> {
        if number < self.incoming {
            return Err(AuthError::BadSeal);
        }
        self.incoming = number.saturating_add(1);
        Ok(())
    }

    /// RFC 4121 4.2.4: the header, and behind it the encrypted message turned right by RRC.
    fn wrap(&mut self, message: &[u8]) -> Result<Sealed, AuthError> {
        let etype = self.key.etype();
        let mut confounder = vec![0; etype.confounder_length()];
        (self.random)(&mut confounder);
        let number = self.next_outgoing();
        let flags = self.flags(self.role, true);
        // The encrypted copy has an RRC of 0.
        // CredSSP seals the password.
        let plain = Zeroizing::new([message, &header(flags, 0, 0, number)].concat());
        let sealed = self.key.encrypt(self.role.seal_usage(), &plain, &confounder);
        let mut sealed = sealed.map_err(|_| AuthError::Caller("a message cannot be sealed"))?;
        // What Windows does: the copy of the header and the checksum come first, so that the data is as long as the
        // message.
        let turn = HEADER + etype.checksum_length();
        sealed.rotate_right(turn);
        let turned = u16::try_from(turn).unwrap_or_default();
        let head = turn + confounder.len();
        let data = sealed.split_off(head);
        Ok(Sealed { header: [header(flags, 0, turned, number).as_slice(), &sealed].concat(), data })
    }

    fn unwrap(&mut self, token: &[u8]) -> Result<Vec<u8>, AuthError> {
        let (head, sealed) = token.split_first_chunk::<HEADER>().ok_or(AuthError::BadSeal)?;
        let [a, b, flags, filler, ec @ .., _, _, _, _, _, _, _, _] = head;
        let [ec_high, ec_low, rrc_high, rrc_low] = ec;
        let number = sequence(head);
        let extra = usize::from(u16::from_be_bytes([*ec_high, *ec_low]));
        let turn = usize::from(u16::from_be_bytes([*rrc_high, *rrc_low]));
        let wanted = self.flags(self.role.peer(), true);
        if [*a, *b] != WRAP || *filler != 0xFF || *flags != wanted || sealed.is_empty() {
            return Err(AuthError::BadSeal);
        }
        let mut sealed = sealed.to_vec();
        let turn = turn % sealed.len();
        sealed.rotate_left(turn);
        let plain = self.key.decrypt(self.role.peer().seal_usage(), &sealed);
        let plain = plain.map_err(|_| AuthError::BadSeal)?;
        let (body, copy) = plain.split_last_chunk::<HEADER>().ok_or(AuthError::BadSeal)?;
        // What stands outside can be changed on its way, EC above all: it says where the message ends. RRC does not
        // count, for it is 0 in the copy by RFC 4121 4.2.4 and not so by some implementations.
        let (same_start, same_number) = (copy[..6] == head[..6], copy[8..] == head[8..]);
        if !same_start || !same_number {
            return Err(AuthError::BadSeal);
        }
        let message = body.len().checked_sub(extra).and_then(|length| body.get(..length));
        let message = message.ok_or(AuthError::BadSeal)?.to_vec();
        self.accept(number)?;
        Ok(message)
    }

    /// RFC 4121 4.2.4: over the message and the header of the token.
    fn mic(&self, role: Role, head: [u8; HEADER], message: &[u8]) -> Vec<u8> {
        self.key.checksum(role.sign_usage(), &[message, &head].concat())
    }
}

impl Protection for KerberosProtection {
    fn seal(&mut self, message: &[u8]) -> Result<Sealed, AuthError> {
        if self.key.etype() == EncryptionType::Rc4 {
            let mut confounder = [0; 8];
            (self.random)(&mut confounder);
            let number = self.next_outgoing();
            return Ok(rc4_wrap::seal(&self.key, self.role, number, &confounder, message));
        }
        self.wrap(message)
    }

    fn unseal(&mut self, head: &[u8], data: &[u8]) -> Result<Vec<u8>, AuthError> {
        if self.broken {
            return Err(AuthError::BadSeal);
        }
        let opened = if self.key.etype() == EncryptionType::Rc4 {
            rc4_wrap::unseal(&self.key, self.role.peer(), head, data)
                .and_then(|(number, message)| self.accept(number).map(|()| message))
        } else {
            self.unwrap(&[head, data].concat())
        };
        // A message that was changed on its way ends the context: the connection is not to be trusted.
        self.broken = opened.is_err();
        opened
    }

    /// MIT pads RC4 tokens with one byte of this value and counts it, Windows does not. No XML document ends with it, in
    /// UTF-8 or UTF-16: nothing of a message is lost.
    fn padding(&self, message: &[u8]) -> usize {
        usize::from(self.key.etype() == EncryptionType::Rc4 && message.ends_with(&[1]))
    }

    fn sign_mech_list(&mut self, list: &[u8]) -> Result<Vec<u8>, AuthError> {
        let number = self.next_outgoing();
        if self.key.etype() == EncryptionType::Rc4 {
            return Ok(rc4_wrap::sign(&self.key, self.role, number, list));
        }
        let head = mic_header(self.flags(self.role, false), number);
        Ok([head.as_slice(), &self.mic(self.role, head, list)].concat())
    }

    fn verify_mech_list(&mut self, list: &[u8], mic: &[u8]) -> Result<(), AuthError> {
        let wrong = AuthError::BadIntegrity("mechListMIC");
        let peer = self.role.peer();
        // The number is whatever the peer likes: Windows signs with 0, whatever its first sealed message will have; MIT
        // and Heimdal with the next one.
        if self.key.etype() == EncryptionType::Rc4 {
            return rc4_wrap::verify(&self.key, peer, list, mic).map_err(|_| wrong);
        }
        let (head, checksum) = mic.split_first_chunk::<HEADER>().ok_or(wrong.clone())?;
        let expected = mic_header(self.flags(peer, false), sequence(head));
        let data = [list, head].concat();
        let fits = *head == expected && self.key.verify(peer.sign_usage(), &data, checksum);
        if fits { Ok(()) } else { Err(wrong) }
    }
}

/// The header of a Wrap token, RFC 4121 4.2.6.2.
fn header(flags: u8, extra: u16, turn: u16, number: u64) -> [u8; HEADER] {
    let [ec_high, ec_low] = extra.to_be_bytes();
    let [rrc_high, rrc_low] = turn.to_be_bytes();
    let [s0, s1, s2, s3, s4, s5, s6, s7] = number.to_be_bytes();
    let [a, b] = WRAP;
    [a, b, flags, 0xFF, ec_high, ec_low, rrc_high, rrc_low, s0, s1, s2, s3, s4, s5, s6, s7]
}

/// The header of a MIC token, RFC 4121 4.2.6.1.
fn mic_header(flags: u8, number: u64) -> [u8; HEADER] {
    let mut head = header(flags, 0xFFFF, 0xFFFF, number);
    head[..2].copy_from_slice(&MIC);
    head
}

fn sequence(head: &[u8; HEADER]) -> u64 {
    let [_, _, _, _, _, _, _, _, number @ ..] = *head;
    u64::from_be_bytes(number)
}
