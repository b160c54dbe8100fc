//! Both sides against each other, old versions, and everybody in between.

mod handshake;
mod intercepted;
mod kerberos;
mod refusals;
mod sealing;

use std::sync::LazyLock;

use super::{CredSspAcceptor, CredSspInitiator, Identity, TsRequest, tls::Channel};
use crate::auth::ntlm::{Entropy, NtlmAcceptor, NtlmInitiator, ServerNames};
use crate::auth::spnego::{SpnegoAcceptor, SpnegoInitiator};
use crate::auth::{
    Acceptor, AcceptorStep, AccountStore, AuthError, Credentials, Initiator, Scheme, Secret, SecurityContext,
    Step, UserName,
};

const USER: &str = r"CONTOSO\anna";
const PASSWORD: &str = "Pässw0rd-canary";

struct Accounts;

impl AccountStore for Accounts {
    fn secret(&self, user: &UserName) -> Option<Secret> {
        (*user == UserName::parse(USER)).then(|| Secret::password(PASSWORD))
    }
}

/// A certificate of its own.
fn identity() -> Identity {
    let made = rcgen::generate_simple_self_signed(vec!["ex01".to_owned()]).unwrap();
    Identity::new(made.cert.der().to_vec(), made.signing_key.serialize_der()).unwrap()
}

static SERVER: LazyLock<Identity> = LazyLock::new(identity);

fn credentials() -> Credentials {
    Credentials::new(USER, PASSWORD)
}

fn ntlm() -> NtlmInitiator {
    let entropy = Entropy { client_challenge: [7; 8], exported_session_key: [9; 16] };
    NtlmInitiator::new(credentials(), entropy, 133_000_000_000_000_000)
}

fn inner_initiator() -> Box<dyn Initiator> {
    Box::new(SpnegoInitiator::new(vec![Box::new(ntlm())]))
}

fn initiator() -> CredSspInitiator {
    CredSspInitiator::new(inner_initiator(), &credentials(), [5; 32]).unwrap()
}

fn inner_acceptor() -> Box<dyn Acceptor> {
    let names = ServerNames {
        netbios_computer: "EX01".into(),
        netbios_domain: "CONTOSO".into(),
        dns_computer: "ex01.contoso.com".into(),
        dns_domain: "contoso.com".into(),
    };
    let ntlm = NtlmAcceptor::new(&names, [3; 8], 133_000_000_000_000_000);
    Box::new(SpnegoAcceptor::new(vec![Box::new(ntlm)]))
}

fn acceptor() -> CredSspAcceptor {
    CredSspAcceptor::new(inner_acceptor(), SERVER.clone())
}

/// What became of a sign-in.
#[derive(Debug)]
struct Ended {
    client: Result<SecurityContext, AuthError>,
    server: Result<(UserName, SecurityContext), AuthError>,
}

impl Ended {
    fn both(self) -> (SecurityContext, SecurityContext) {
        let (user, server) = self.server.unwrap();
        assert_eq!(user, UserName::parse(USER));
        (self.client.unwrap(), server)
    }
}

/// Which way a token goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    ToServer,
    ToClient,
}

/// Signs in; every token goes through `carry`.
fn run(
    initiator: &mut dyn Initiator,
    acceptor: &mut dyn Acceptor,
    mut carry: impl FnMut(Way, Vec<u8>) -> Vec<u8>,
) -> Ended {
    let nothing_yet = || Err(AuthError::Unexpected("nothing yet"));
    let mut server = nothing_yet();
    let mut input = None;
    for _ in 0..16 {
        let token = match initiator.step(input.as_deref()) {
            Ok(Step::Continue(token)) => token,
            Ok(Step::Established { token: None, context }) => return Ended { client: Ok(context), server },
            Ok(other) => panic!("{other:?}"),
            Err(error) => return Ended { client: Err(error), server },
        };
        match acceptor.step(&carry(Way::ToServer, token), &Accounts) {
            Ok(AcceptorStep::Continue(token)) => input = Some(carry(Way::ToClient, token)),
            Ok(AcceptorStep::Refused { token, reason }) => {
                server = Err(reason);
                input = Some(carry(Way::ToClient, token));
            }
            Ok(AcceptorStep::Established { token, context, user }) => {
                assert!(token.is_none());
                server = Ok((user, context));
                input = None;
            }
            Err(reason) => {
                let client = Err(initiator.explain_refusal().unwrap_or(AuthError::Rejected));
                return Ended { client, server: Err(reason) };
            }
        }
    }
    panic!("no end");
}

fn straight(_: Way, token: Vec<u8>) -> Vec<u8> {
    token
}

/// Somebody in the middle of the TLS inside, who reads and changes what goes through.
struct Relay<F> {
    /// Plays the server to the client, and the client to the server.
    sides: Option<(Channel, Channel)>,
    identity: Identity,
    change: F,
}

impl<F: FnMut(Way, &mut TsRequest)> Relay<F> {
    fn new(identity: Identity, change: F) -> Self {
        Self { sides: None, identity, change }
    }

    /// Completes both handshakes, then carries requests. The acceptor is stepped from here in the handshake.
    fn run(mut self, initiator: &mut dyn Initiator, acceptor: &mut dyn Acceptor) -> Ended {
        let mut to_client = Channel::server(&self.identity).unwrap();
        let mut to_server = Channel::client().unwrap();
        let mut step = initiator.step(None);
        // The client's handshake.
        while to_client.is_handshaking() {
            let Ok(Step::Continue(token)) = step else { panic!("{step:?}") };
            to_client.receive(&token).unwrap();
            step = initiator.step(Some(&to_client.output().unwrap()));
        }
        // The server's.
        while to_server.is_handshaking() {
            let Ok(AcceptorStep::Continue(token)) = acceptor.step(&to_server.output().unwrap(), &Accounts)
            else {
                panic!()
            };
            to_server.receive(&token).unwrap();
        }
        let mut first = Some(step);
        self.sides = Some((to_client, to_server));
        let mut continued = Continued { initiator, first: &mut first };
        run(&mut continued, acceptor, |way, token| self.carry(way, &token))
    }

    fn carry(&mut self, way: Way, token: &[u8]) -> Vec<u8> {
        let (to_client, to_server) = self.sides.as_mut().unwrap();
        let (from, to) = match way {
            Way::ToServer => (to_client, to_server),
            Way::ToClient => (to_server, to_client),
        };
        let mut request = TsRequest::parse(&from.receive(token).unwrap()).unwrap();
        (self.change)(way, &mut request);
        to.seal(&request.to_bytes().unwrap()).unwrap()
    }
}

/// An initiator whose next step was taken already.
struct Continued<'a> {
    initiator: &'a mut dyn Initiator,
    first: &'a mut Option<Result<Step, AuthError>>,
}

impl Initiator for Continued<'_> {
    fn scheme(&self) -> Scheme {
        self.initiator.scheme()
    }
    fn mechanism(&self) -> crate::auth::Mechanism {
        self.initiator.mechanism()
    }
    fn step(&mut self, input: Option<&[u8]>) -> Result<Step, AuthError> {
        self.first.take().unwrap_or_else(|| self.initiator.step(input))
    }
    fn explain_refusal(&self) -> Option<AuthError> {
        self.initiator.explain_refusal()
    }
}
