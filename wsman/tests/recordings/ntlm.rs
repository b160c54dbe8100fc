//! Sign-ins by other people's clients, verified by our acceptor; tokens by other people's writers, read.

use std::path::Path;

use base64::{Engine, engine::general_purpose::STANDARD};
use serde_json::Value;
use wsman::auth::{
    Acceptor, AcceptorStep, AccountStore, AuthError, BindingPolicy, ChannelBinding, Secret, SecurityContext,
    UserName, multipart,
    ntlm::{
        NtlmAcceptor,
        message::{Authenticate, Challenge, Negotiate, NtResponse},
    },
    spnego::{
        SpnegoAcceptor,
        token::{InitialToken, MechType, NegTokenResp},
    },
};

use crate::common::{self, Tally};

/// `dotnet/*ntlm*.jsonl`: .NET's client must be accepted, and refused once anything is changed.
#[test]
fn dotnet_sign_ins() {
    for path in common::files("dotnet", ".jsonl") {
        if !path.file_name().unwrap().to_string_lossy().contains("ntlm") {
            continue;
        }
        let mut tally = Tally::new(&path);
        for line in common::json_lines(&path) {
            let recorded = Recorded::new(&line);
            tally.case(&recorded.name, recorded.check());
        }
        tally.finish();
    }
}

/// One line.
struct Recorded {
    name: String,
    spnego: bool,
    user: UserName,
    password: String,
    target: String,
    binding: Option<Vec<u8>>,
    challenge: Vec<u8>,
    tokens: [Vec<u8>; 2],
    /// Clear and sealed.
    wrapped: Vec<(Vec<u8>, Vec<u8>)>,
}

/// What the acceptor is told to expect.
#[derive(Clone)]
struct Expectation {
    password: String,
    binding: Option<Vec<u8>>,
    target: String,
}

/// A user with a password.
struct One<'a>(&'a UserName, &'a str);

impl AccountStore for One<'_> {
    fn secret(&self, user: &UserName) -> Option<Secret> {
        (user == self.0).then(|| Secret::password(self.1))
    }
}

impl Recorded {
    fn new(line: &Value) -> Self {
        let text = |name: &str| line[name].as_str().unwrap_or_default().to_owned();
        let tokens = line["client_tokens"].as_array().unwrap();
        let wrapped = line["wrapped"].as_array().map_or(&[][..], Vec::as_slice);
        Self {
            name: text("name"),
            spnego: text("package") == "Negotiate",
            user: UserName::new(text("domain"), text("user")),
            password: text("password"),
            target: text("spn"),
            binding: line["channel_binding_application_data"]
                .as_str()
                .map(|text| STANDARD.decode(text).unwrap()),
            challenge: bytes(&line["challenge"]),
            tokens: [bytes(&tokens[0]), bytes(&tokens[1])],
            wrapped: wrapped.iter().map(|item| (bytes(&item["plain"]), bytes(&item["wrapped"]))).collect(),
        }
    }

    fn check(&self) -> Result<(), String> {
        let right = Expectation {
            password: self.password.clone(),
            binding: self.binding.clone(),
            target: self.target.clone(),
        };
        let mut context =
            self.sign_in(&right, &self.tokens[1]).map_err(|error| format!("refused: {error}"))?;
        for (index, (plain, sealed)) in self.wrapped.iter().enumerate() {
            let read = unseal(&mut context, sealed).map_err(|error| format!("message {index}: {error}"))?;
            same(&format!("message {index}"), &read, plain)?;
        }
        self.check_wrong_expectations(&right)?;
        self.check_flipped_token(&right)?;
        self.check_flipped_messages(&right)
    }

    /// Both tokens to a fresh acceptor with the recorded challenge. For SPNEGO lines the acceptor also
    /// verifies the client's mechListMIC.
    fn sign_in(&self, expected: &Expectation, last: &[u8]) -> Result<SecurityContext, AuthError> {
        let policy = match &expected.binding {
            Some(data) => BindingPolicy::Require(ChannelBinding::from_application_data(data.clone())),
            None => BindingPolicy::Ignore,
        };
        let ntlm = NtlmAcceptor::from_challenge(self.challenge.clone())?
            .with_binding_policy(policy)
            .with_targets([expected.target.clone()]);
        let mut acceptor: Box<dyn Acceptor> =
            if self.spnego { Box::new(SpnegoAcceptor::new(vec![Box::new(ntlm)])) } else { Box::new(ntlm) };
        let accounts = One(&self.user, &expected.password);
        match acceptor.step(&self.tokens[0], &accounts)? {
            AcceptorStep::Continue(_) => {}
            other => panic!("accepted too early: {other:?}"),
        }
        match acceptor.step(last, &accounts)? {
            AcceptorStep::Established { context, user, .. } => {
                assert_eq!(user, self.user);
                Ok(context)
            }
            // Signed in, but without the mechListMIC that the client owes.
            AcceptorStep::Continue(_) => Err(AuthError::BadIntegrity("mechListMIC")),
            other => panic!("{other:?}"),
        }
    }

    fn check_wrong_expectations(&self, right: &Expectation) -> Result<(), String> {
        let mut binding = self.binding.clone().unwrap_or_else(|| b"tls-server-end-point:".to_vec());
        *binding.last_mut().unwrap() ^= 1;
        let wrong = [
            ("another password", Expectation { password: format!("{}x", self.password), ..right.clone() }),
            (
                "the password in another case",
                Expectation { password: swap_case(&self.password), ..right.clone() },
            ),
            ("another binding", Expectation { binding: Some(binding), ..right.clone() }),
            ("another target", Expectation { target: "HTTP/another.example".into(), ..right.clone() }),
        ];
        for (what, expected) in wrong {
            if expected.password == self.password && what.contains("case") {
                continue;
            }
            if self.sign_in(&expected, &self.tokens[1]).is_ok() {
                return Err(format!("{what} is accepted"));
            }
        }
        Ok(())
    }

    /// One bit of every byte of the last token, a different one from byte to byte.
    fn check_flipped_token(&self, right: &Expectation) -> Result<(), String> {
        for at in 0..self.tokens[1].len() {
            let mut token = self.tokens[1].clone();
            token[at] ^= 1 << (at % 8);
            // An optional state may change its value; the sign-in it carries is not touched.
            if self.spnego && same_but_state(&token, &self.tokens[1]) {
                continue;
            }
            if self.sign_in(right, &token).is_ok() {
                return Err(format!("a token with bit {} of byte {at} flipped is accepted", at % 8));
            }
        }
        Ok(())
    }

    /// One bit of every byte of every sealed message.
    fn check_flipped_messages(&self, right: &Expectation) -> Result<(), String> {
        for (index, (_, sealed)) in self.wrapped.iter().enumerate() {
            let positions = sealed.len().min(64);
            for at in (0..positions).chain(sealed.len() - 1..sealed.len()) {
                let mut context = self.sign_in(right, &self.tokens[1]).map_err(|error| error.to_string())?;
                for (_, sealed) in &self.wrapped[..index] {
                    unseal(&mut context, sealed).map_err(|error| error.to_string())?;
                }
                let mut sealed = sealed.clone();
                sealed[at] ^= 1 << (at % 8);
                if unseal(&mut context, &sealed).is_ok() {
                    return Err(format!(
                        "message {index} with bit {} of byte {at} flipped is unsealed",
                        at % 8
                    ));
                }
            }
        }
        Ok(())
    }
}

fn same_but_state(one: &[u8], other: &[u8]) -> bool {
    let without_state = |token: &[u8]| {
        NegTokenResp::parse(token).map(|token| NegTokenResp { state: None, supported_mech: None, ..token })
    };
    without_state(one).is_ok_and(|one| Ok(one) == without_state(other))
}

fn swap_case(text: &str) -> String {
    text.chars()
        .map(|c| if c.is_ascii_lowercase() { c.to_ascii_uppercase() } else { c.to_ascii_lowercase() })
        .collect()
}

fn unseal(context: &mut SecurityContext, sealed: &[u8]) -> Result<Vec<u8>, AuthError> {
    let (header, data) = sealed.split_at(16);
    context.unseal(header, data)
}

fn bytes(value: &Value) -> Vec<u8> {
    STANDARD.decode(value.as_str().unwrap()).unwrap()
}

fn same(what: &str, ours: &[u8], theirs: &[u8]) -> Result<(), String> {
    if ours == theirs { Ok(()) } else { Err(format!("{what} differs")) }
}

/// `pyspnego/ntlm_*`, `neg_token_*` and `initial_context_token_*`: tokens captured from real hosts.
#[test]
fn pyspnego_tokens() {
    for path in common::files("pyspnego", "") {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let token = std::fs::read(&path).unwrap();
        let Some(result) = check_token(&name, &token) else { continue };
        let mut tally = Tally::new(&path);
        tally.case(&name, result);
        tally.finish();
    }
}

/// What a token of this name must say; `None` for kinds that are not read here.
fn check_token(name: &str, token: &[u8]) -> Option<Result<(), String>> {
    let result = match name {
        _ if name.starts_with("ntlm_negotiate") => check_negotiate(token),
        _ if name.starts_with("ntlm_challenge") => check_challenge(token),
        _ if name.starts_with("ntlm_authenticate") => check_authenticate(token),
        _ if name.starts_with("neg_token_resp") => check_resp(token),
        _ if name.contains("neg_token_init") => check_init(token),
        _ if name.starts_with("initial_context_token_krb") => match InitialToken::parse(token) {
            Ok(InitialToken::Bare(mechanism)) if format!("{mechanism:?}") == "Kerberos" => Ok(()),
            other => Err(format!("{other:?}")),
        },
        _ => return None,
    };
    Some(result)
}

fn check_negotiate(token: &[u8]) -> Result<(), String> {
    let message = Negotiate::parse(token).map_err(|error| error.to_string())?;
    require(message.flags & 1 == 1, "no Unicode")
}

fn check_challenge(token: &[u8]) -> Result<(), String> {
    let message = Challenge::parse(token).map_err(|error| error.to_string())?;
    require(!message.target_name.is_empty(), "no target name")?;
    require(message.target_info.timestamp() != Ok(None), "no timestamp")?;
    require(message.target_info.text(3).is_some_and(|name| !name.is_empty()), "no computer name")
}

fn check_authenticate(token: &[u8]) -> Result<(), String> {
    let message = Authenticate::parse(token).map_err(|error| error.to_string())?;
    let response = NtResponse::parse(&message.nt_response).map_err(|error| error.to_string())?;
    require(!message.user.user.is_empty(), "no user")?;
    require(response.timestamp != 0, "no time")?;
    // A MIC is announced where there is room for one in front of the first payload.
    let offset = |field: usize| u32::from_le_bytes(token[field + 4..field + 8].try_into().unwrap());
    let filled = [12, 20, 28, 36, 44, 52].into_iter().filter(|field| token[*field..field + 2] != [0, 0]);
    let first = filled.map(offset).min().unwrap_or(0);
    require(response.has_mic() == Ok(first >= 88), "MIC announced without room for it, or the reverse")
}

fn check_init(token: &[u8]) -> Result<(), String> {
    match InitialToken::parse(token).map_err(|error| error.to_string())? {
        InitialToken::Spnego(init) => {
            require(init.mech_types.contains(&MechType::Ntlm), "NTLM is not offered")?;
            require(
                token.windows(init.mech_list.len()).any(|part| part == init.mech_list),
                "list not as sent",
            )?;
            require(init.mech_list_mic.is_none(), "hints read as a MIC")
        }
        InitialToken::Bare(_) => Err("not SPNEGO".into()),
    }
}

fn check_resp(token: &[u8]) -> Result<(), String> {
    let reply = NegTokenResp::parse(token).map_err(|error| error.to_string())?;
    require(reply.state.is_some(), "no state")?;
    let again = reply.to_bytes().map_err(|error| error.to_string())?;
    require(again == token, "written differently")
}

fn require(holds: bool, why: &str) -> Result<(), String> {
    if holds { Ok(()) } else { Err(why.to_owned()) }
}

/// `ironposh/*encrypted*.txt`: sealed bodies of real hosts, in hexadecimal; their keys are not known.
#[test]
fn sealed_bodies() {
    for path in common::files("ironposh", ".txt") {
        if !path.file_name().unwrap().to_string_lossy().contains("encrypted") {
            continue;
        }
        let mut tally = Tally::new(&path);
        tally.case("body", check_body(&path));
        tally.finish();
    }
}

fn check_body(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).unwrap();
    let digits: String = text.split_whitespace().collect();
    let pairs = digits.as_bytes().chunks_exact(2).map(|pair| std::str::from_utf8(pair).unwrap());
    let body: Vec<u8> = pairs.map(|pair| u8::from_str_radix(pair, 16).unwrap()).collect();
    let content_type = "multipart/encrypted;protocol=\"application/HTTP-SPNEGO-session-encrypted\";boundary=\"Encrypted Boundary\"";
    let parts = multipart::parts(content_type, &body).map_err(|error| error.to_string())?;
    let [part] = parts.as_slice() else { return Err(format!("{} parts", parts.len())) };
    require(part.header.len() == 16 && part.header.starts_with(&[1, 0, 0, 0]), "no NTLM signature")?;
    require(part.data.len() == part.length && part.length > 0, "length")
}
