//! A place for a ticket that many want at once.

use std::time::{Duration, Instant};

use crate::auth::kerberos::{KerberosError, ServiceTicket};

/// How long what will not get better by itself is not tried again.
const PAUSE: Duration = Duration::from_secs(15);

/// A place for a ticket. Who needs one that somebody else is getting waits for it.
#[derive(Default)]
pub(super) struct Slot(tokio::sync::Mutex<Kept>);

#[derive(Default)]
struct Kept {
    ticket: Option<ServiceTicket>,
    /// Those who waited meanwhile need not try too
    failure: Option<(Instant, KerberosError)>,
    /// The one in the ticket cache is of no use
    is_forgotten: bool,
}

/// How much is left of a ticket.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Life {
    /// Enough
    Fresh,
    /// It is to be replaced, and does until then
    Ending,
    /// Nothing
    Ended,
}

impl Slot {
    /// The ticket that is there, or the one that `get` brings. It is given what is there, and whether the one in the
    /// ticket cache is of no use.
    pub(super) async fn ticket(
        &self,
        life: impl Fn(&ServiceTicket) -> Life,
        get: impl AsyncFnOnce(Option<&ServiceTicket>, bool) -> Result<ServiceTicket, KerberosError>,
    ) -> Result<ServiceTicket, KerberosError> {
        let asked = Instant::now();
        let mut kept = self.0.lock().await;
        if let Some(ticket) = kept.ticket.as_ref().filter(|ticket| life(ticket) == Life::Fresh) {
            return Ok(ticket.clone());
        }
        let recent = kept
            .failure
            .clone()
            .filter(|(when, failure)| *when >= asked || (lasts(failure) && when.elapsed() < PAUSE));
        let result = match recent {
            Some((_, failure)) => Err(failure),
            None => {
                let result = get(kept.ticket.as_ref(), kept.is_forgotten).await;
                kept.failure = result.as_ref().err().map(|error| (Instant::now(), error.clone()));
                result
            }
        };
        match result {
            Ok(ticket) => {
                kept.ticket = Some(ticket.clone());
                Ok(ticket)
            }
            // The KDC may be back before the ticket ends.
            Err(error) if is_about_the_road(&error) => {
                kept.ticket.clone().filter(|ticket| life(ticket) != Life::Ended).ok_or(error)
            }
            Err(error) => {
                kept.ticket = None;
                Err(error)
            }
        }
    }

    /// Lets go of it: the next one comes from the KDC.
    pub(super) async fn forget(&self) {
        *self.0.lock().await = Kept { is_forgotten: true, ..Kept::default() };
    }
}

/// Trying again at once costs every connection a time-out, or the account a wrong try more.
fn lasts(failure: &KerberosError) -> bool {
    let about_the_account = matches!(
        failure,
        KerberosError::WrongPassword(_) | KerberosError::PasswordExpired(_) | KerberosError::Revoked { .. }
    );
    about_the_account || is_about_the_road(failure)
}

fn is_about_the_road(failure: &KerberosError) -> bool {
    matches!(failure, KerberosError::NoKdc(_) | KerberosError::Unreachable { .. })
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use super::*;
    use crate::auth::kerberos::{EncryptionType, Key, Principal, TicketFlags};

    fn ticket() -> ServiceTicket {
        ServiceTicket {
            client: Principal::user("anna", "A"),
            server: Principal::ticket_granting("A", "A"),
            ticket: Vec::new(),
            key: Key::new(EncryptionType::Aes128Sha1, [0; 16]).unwrap(),
            flags: TicketFlags::default(),
            auth_time: 0,
            start_time: 0,
            end_time: 0,
            renew_till: None,
        }
    }

    #[tokio::test]
    async fn a_ticket_that_is_ending_does_while_no_kdc_answers() {
        let slot = Slot::default();
        let refused = |error: KerberosError| async move |_: Option<&ServiceTicket>, _| Err(error);
        slot.ticket(|_| Life::Ending, async |_, _| Ok(ticket())).await.unwrap();
        let gone = KerberosError::NoKdc("A".into());
        slot.ticket(|_| Life::Ending, refused(gone.clone())).await.unwrap();
        assert_eq!(slot.ticket(|_| Life::Ended, refused(gone)).await, Err(KerberosError::NoKdc("A".into())));
    }

    #[tokio::test]
    async fn a_refusal_is_not_asked_for_again_at_once() {
        let slot = Slot::default();
        let tries = Cell::new(0);
        let refuse = async |_: Option<&ServiceTicket>, _| {
            tries.set(tries.get() + 1);
            Err(KerberosError::WrongPassword("anna".into()))
        };
        for _ in 0..3 {
            assert!(slot.ticket(|_| Life::Fresh, refuse).await.is_err());
        }
        assert_eq!(tries.get(), 1);
        slot.forget().await;
        assert!(slot.ticket(|_| Life::Fresh, refuse).await.is_err());
        assert_eq!(tries.get(), 2);
    }
}
