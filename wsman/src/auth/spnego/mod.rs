//! SPNEGO, RFC 4178 with `[MS-SPNG]`: which mechanism, and a check that nobody meddled with the choice.

mod acceptor;
mod initiator;
#[cfg(test)]
mod kerberos_tests;
#[cfg(test)]
mod tests;
pub mod token;

pub use acceptor::SpnegoAcceptor;
pub use initiator::SpnegoInitiator;

use super::{AuthError, SecurityContext};

/// Whether a mechListMIC counts: very old servers put a copy of the responseToken there.
fn real_mic(reply: &token::NegTokenResp) -> Option<&[u8]> {
    let mic = reply.mech_list_mic.as_deref()?;
    (reply.response_token.as_deref() != Some(mic)).then_some(mic)
}

fn sign(context: &mut SecurityContext, mech_list: &[u8]) -> Result<Option<Vec<u8>>, AuthError> {
    context.protection_mut().sign_mech_list(mech_list).map(Some)
}

fn verify(context: &mut SecurityContext, mech_list: &[u8], mic: &[u8]) -> Result<(), AuthError> {
    context.protection_mut().verify_mech_list(mech_list, mic)
}
