//! The vectors of `[MS-NLMP] 4.2`, and both sides against each other.

use proptest::prelude::*;
use rc4::StreamCipher as _;

use super::{av_pair::AvPairs, crypto, crypto::Direction, message::*, protection::NtlmProtection, *};
use crate::auth::{
    Acceptor, AcceptorStep, AccountStore, AuthError, BindingPolicy, ChannelBinding, Credentials, Initiator,
    Protection, Secret, SecurityContext, Step, UserName,
};

fn hex(text: &str) -> Vec<u8> {
    let digits: String = text.split_whitespace().collect();
    (0..digits.len()).step_by(2).map(|at| u8::from_str_radix(&digits[at..at + 2], 16).unwrap()).collect()
}

const NTOWF_V2: &str = "0c868a403bfd7a93a3001ef22ef02e3f";
const NT_PROOF: &str = "68cd0ab851e51c96aabc927bebef6a1c";
const SESSION_BASE_KEY: &str = "8de40ccadbc14a82f15cb0ad0de95ca3";
const SERVER_CHALLENGE: [u8; 8] = [0x01, 0x23, 0x45, 0x67, 0x89, 0xAB, 0xCD, 0xEF];
const TARGET_INFO: &str = "02000c0044006f006d00610069006e00 01000c005300650072007600650072 00 00000000";
/// `[MS-NLMP] 4.2.4.3`, CHALLENGE_MESSAGE.
const CHALLENGE: &str =
    "4e544c4d53535000 02000000 0c000c0038000000 33828ae2 0123456789abcdef 0000000000000000
    2400240044000000 060070170000000f 530065007200760065007200
    02000c0044006f006d00610069006e0001000c00530065007200760065007200 00000000";
/// `[MS-NLMP] 4.2.4.3`, AUTHENTICATE_MESSAGE.
const AUTHENTICATE: &str = "4e544c4d53535000 03000000 180018006c000000 5400540084000000 0c000c0048000000
    0800080054000000 100010005c000000 10001000d8000000 358288e2 0501280a0000000f
    44006f006d00610069006e00 5500730065007200 43004f004d0050005500540045005200
    86c35097ac9cec102554764a57cccc19 aaaaaaaaaaaaaaaa
    68cd0ab851e51c96aabc927bebef6a1c 0101000000000000 0000000000000000 aaaaaaaaaaaaaaaa 00000000
    02000c0044006f006d00610069006e0001000c00530065007200760065007200 00000000 00000000
    c5dad2544fc9799094ce1ce90bc9d03e";

fn vector<const N: usize>(text: &str) -> [u8; N] {
    hex(text).try_into().unwrap()
}

#[test]
fn nlmp_4_2_4_1_keys() {
    let user = UserName::new("Domain", "User");
    let ntowf = crypto::ntowf_v2(&Secret::password("Password"), &user).unwrap();
    assert_eq!(*ntowf, vector(NTOWF_V2));
    // The NT hash of "Password", [MS-NLMP] 4.2.2.1.2.
    let hash = vector("a4f49c406510bdcab6824ee7c30fd852");
    assert_eq!(*crypto::ntowf_v2(&Secret::nt_hash(hash), &user).unwrap(), vector(NTOWF_V2));

    let temp = crypto::client_challenge(0, &[0xAA; 8], &hex(TARGET_INFO));
    let proof = crypto::nt_proof(&ntowf, &SERVER_CHALLENGE, &temp);
    assert_eq!(proof, vector(NT_PROOF));
    assert_eq!(*crypto::session_base_key(&ntowf, &proof), vector(SESSION_BASE_KEY));
    assert_eq!(
        crypto::lm_v2_response(&ntowf, &SERVER_CHALLENGE, &[0xAA; 8]),
        hex("86c35097ac9cec102554764a57cccc19 aaaaaaaaaaaaaaaa")
    );
    assert_eq!(
        *crypto::rc4_key(&vector(SESSION_BASE_KEY), &[0x55; 16]),
        vector("c5dad2544fc9799094ce1ce90bc9d03e")
    );
}

#[test]
fn nlmp_4_2_4_4_seal() {
    let key = [0x55; 16];
    assert_eq!(*crypto::seal_key(&key, Direction::ToServer), vector("59f600973cc4960a25480a7c196e4c58"));
    assert_eq!(*crypto::sign_key(&key, Direction::ToServer), vector("4788dc861b4782f35d43fd98fe1a2d39"));
    let sealed =
        NtlmProtection::new(&key, Direction::ToServer, false).seal(&wire::utf16("Plaintext")).unwrap();
    assert_eq!(sealed.data, hex("54e50165bf1936dc996020c1811b0f06fb5f"));
    assert_eq!(sealed.header, hex("01000000 7fb38ec5c55d4976 00000000"));
}

#[test]
fn nlmp_4_2_4_3_messages() {
    let challenge = Challenge::parse(&hex(CHALLENGE)).unwrap();
    assert_eq!((challenge.flags, challenge.server_challenge), (0xE28A_8233, SERVER_CHALLENGE));
    assert_eq!(challenge.target_name, "Server");
    assert_eq!(challenge.target_info.text(av_pair::id::NB_DOMAIN_NAME).unwrap(), "Domain");
    assert_eq!(challenge.target_info.to_bytes().unwrap(), hex(TARGET_INFO));
    let authenticate = Authenticate::parse(&hex(AUTHENTICATE)).unwrap();
    assert_eq!(authenticate.user, UserName::new("Domain", "User"));
    assert_eq!((authenticate.workstation.as_str(), authenticate.flags), ("COMPUTER", 0xE288_8235));
    assert_eq!(NtResponse::parse(&authenticate.nt_response).unwrap().proof, vector(NT_PROOF));
}

/// The specification's own sign-in, which has no MIC: the acceptor finds its session key.
#[test]
fn the_specifications_sign_in_is_accepted() {
    let mut acceptor = NtlmAcceptor::from_challenge(hex(CHALLENGE)).unwrap();
    let AcceptorStep::Continue(challenge) = acceptor.step(&negotiate(), &Accounts).unwrap() else { panic!() };
    assert_eq!(challenge, hex(CHALLENGE));
    let AcceptorStep::Established { mut context, user, token } =
        acceptor.step(&hex(AUTHENTICATE), &Accounts).unwrap()
    else {
        panic!()
    };
    assert_eq!((user, token), (UserName::new("Domain", "User"), None));
    let header = hex("01000000 7fb38ec5c55d4976 00000000");
    let text = context.unseal(&header, &hex("54e50165bf1936dc996020c1811b0f06fb5f")).unwrap();
    assert_eq!(text, wire::utf16("Plaintext"));
}

/// `[MS-SPNG] 3.3.5.1`: the list is signed at the beginning of a cipher stream, and the first message sealed at the
/// beginning of another one; only the number goes on.
#[test]
fn f12_a_the_cipher_starts_anew_behind_the_mech_list_mic() {
    let key = [0x42; 16];
    let mut ours = NtlmProtection::new(&key, Direction::ToServer, true);
    let signature = |sequence: u32, cipher: &mut rc4::Rc4, message: &[u8]| {
        let number = sequence.to_le_bytes();
        let mac = crypto::hmac_md5(&crypto::sign_key(&key, Direction::ToServer), &[&number, message]);
        let mut sum = mac[..8].to_vec();
        cipher.apply_keystream(&mut sum);
        [&[1, 0, 0, 0], sum.as_slice(), &number].concat()
    };
    let fresh = || crypto::rc4(&crypto::seal_key(&key, Direction::ToServer));
    assert_eq!(ours.sign_mech_list(b"list").unwrap(), signature(0, &mut fresh(), b"list"));
    let mut cipher = fresh();
    for (sequence, message) in [(1, b"first"), (2, b"later")] {
        let mut data = message.to_vec();
        cipher.apply_keystream(&mut data);
        let expected = signature(sequence, &mut cipher, message);
        let sealed = ours.seal(message).unwrap();
        assert_eq!((sealed.header, sealed.data), (expected, data), "{sequence}");
    }
}

fn negotiate() -> Vec<u8> {
    Negotiate { flags: flags::CLIENT }.to_bytes()
}

/// `Domain\User` with `Password`, and nobody else.
struct Accounts;

impl AccountStore for Accounts {
    fn secret(&self, user: &UserName) -> Option<Secret> {
        user.user.eq_ignore_ascii_case("User").then(|| Secret::password("Password"))
    }
}

fn acceptor() -> NtlmAcceptor {
    let names = ServerNames {
        netbios_computer: "EX01".into(),
        netbios_domain: "LAB".into(),
        dns_computer: "ex01.lab.example".into(),
        dns_domain: "lab.example".into(),
    };
    NtlmAcceptor::new(&names, SERVER_CHALLENGE, 133_000_000_000_000_000)
}

fn initiator(user: &str, password: &str) -> NtlmInitiator {
    let entropy = Entropy { client_challenge: [7; 8], exported_session_key: [9; 16] };
    NtlmInitiator::new(Credentials::new(user, password), entropy, 1)
}

type Contexts = (SecurityContext, SecurityContext);

fn sign_in(mut us: NtlmInitiator, mut them: NtlmAcceptor) -> Result<Contexts, AuthError> {
    let Step::Continue(negotiate) = us.step(None)? else { panic!() };
    let AcceptorStep::Continue(challenge) = them.step(&negotiate, &Accounts)? else { panic!() };
    let Step::Established { token: Some(token), context } = us.step(Some(&challenge))? else { panic!() };
    let AcceptorStep::Established { context: theirs, .. } = them.step(&token, &Accounts)? else { panic!() };
    Ok((context, theirs))
}

fn binding(byte: u8) -> ChannelBinding {
    ChannelBinding::from_application_data(vec![byte; 53])
}

#[test]
fn both_sides_meet() {
    for user in ["Domain\\User", "User", ".\\user", "LAB\\USER"] {
        let (mut us, mut them) = sign_in(initiator(user, "Password"), acceptor()).unwrap();
        let sealed = us.seal(b"hello").unwrap();
        assert_eq!(them.unseal(&sealed.header, &sealed.data).unwrap(), b"hello");
    }
}

#[test]
fn wrong_passwords_and_strangers_are_told_the_same() {
    for (user, password) in
        [("Domain\\User", "password"), ("User", ""), ("Nobody", "Password"), ("Nobody", "")]
    {
        let refused = sign_in(initiator(user, password), acceptor()).unwrap_err();
        assert_eq!(refused, AuthError::LogonFailed, "{user}");
    }
}

#[test]
fn the_channel_binding_policy_holds() {
    let cases = [
        (BindingPolicy::Ignore, None, true),
        (BindingPolicy::Ignore, Some(1), true),
        (BindingPolicy::WhenPresent(binding(1)), None, true),
        (BindingPolicy::WhenPresent(binding(1)), Some(1), true),
        (BindingPolicy::WhenPresent(binding(1)), Some(2), false),
        (BindingPolicy::Require(binding(1)), None, false),
        (BindingPolicy::Require(binding(1)), Some(1), true),
        (BindingPolicy::Require(binding(1)), Some(2), false),
    ];
    for (policy, sent, accepted) in cases {
        let mut us = initiator("User", "Password");
        if let Some(byte) = sent {
            us = us.with_channel_binding(binding(byte));
        }
        let result = sign_in(us, acceptor().with_binding_policy(policy.clone()));
        assert_eq!(result.is_ok(), accepted, "{policy:?} {sent:?}");
        assert!(accepted || matches!(result, Err(AuthError::BadChannelBinding)));
    }
}

#[test]
fn another_target_is_refused() {
    let targets = ["HTTP/ex01.lab.example", "WSMAN/ex01"];
    let us = initiator("User", "Password").with_target("http/EX01.lab.example");
    assert!(sign_in(us, acceptor().with_targets(targets)).is_ok());
    for spn in ["", "HTTP/ex02.lab.example"] {
        let us = initiator("User", "Password").with_target(spn);
        assert!(matches!(sign_in(us, acceptor().with_targets(targets)), Err(AuthError::BadTarget)));
    }
}

#[test]
fn f12_f_each_missing_flag_is_refused_by_both_sides() {
    for bit in (0..32).map(|bit| 1 << bit).filter(|bit| flags::REQUIRED & bit != 0) {
        let weak = Negotiate { flags: flags::CLIENT & !bit }.to_bytes();
        assert!(matches!(acceptor().step(&weak, &Accounts), Err(AuthError::TooWeak(_))), "{bit:#x}");

        let mut challenge = hex(CHALLENGE);
        let flags = u32::from_le_bytes(challenge[20..24].try_into().unwrap()) & !bit;
        challenge[20..24].copy_from_slice(&flags.to_le_bytes());
        let mut us = initiator("User", "Password");
        us.step(None).unwrap();
        assert!(matches!(us.step(Some(&challenge)), Err(AuthError::TooWeak(_))), "{bit:#x}");

        let mut authenticate = hex(AUTHENTICATE);
        let flags = u32::from_le_bytes(authenticate[60..64].try_into().unwrap()) & !bit;
        authenticate[60..64].copy_from_slice(&flags.to_le_bytes());
        assert!(matches!(present(&authenticate), Err(AuthError::TooWeak(_))), "{bit:#x}");
    }
}

/// The specification's acceptor with another last message.
fn present(authenticate: &[u8]) -> Result<AcceptorStep, AuthError> {
    let mut acceptor = NtlmAcceptor::from_challenge(hex(CHALLENGE))?;
    acceptor.step(&negotiate(), &Accounts)?;
    acceptor.step(authenticate, &Accounts)
}

#[test]
fn version_1_and_anonymous_are_refused() {
    let message = Authenticate::parse(&hex(AUTHENTICATE)).unwrap();
    for nt_response in [vec![0; 24], Vec::new()] {
        let weak = Authenticate { nt_response, ..message.clone() }.to_bytes().unwrap();
        assert!(matches!(present(&weak), Err(AuthError::TooWeak(_))));
    }
    let nobody = Authenticate { user: UserName::new("", ""), ..message.clone() }.to_bytes().unwrap();
    assert!(matches!(present(&nobody), Err(AuthError::TooWeak(_))));
    let anonymous = Authenticate { flags: message.flags | flags::ANONYMOUS, ..message }.to_bytes().unwrap();
    assert!(matches!(present(&anonymous), Err(AuthError::TooWeak(_))));
    assert!(matches!(initiator("", "").step(None), Err(AuthError::Caller(_))));
}

#[test]
fn a_mic_that_was_cut_out_is_missed() {
    let (mut us, mut them) = (initiator("User", "Password"), acceptor());
    let Step::Continue(negotiate) = us.step(None).unwrap() else { panic!() };
    let AcceptorStep::Continue(challenge) = them.step(&negotiate, &Accounts).unwrap() else { panic!() };
    let Step::Established { token: Some(mut token), .. } = us.step(Some(&challenge)).unwrap() else {
        panic!()
    };
    assert_ne!(token[72..88], [0; 16]);
    token[72..88].fill(0);
    assert_eq!(them.step(&token, &Accounts).unwrap_err(), AuthError::BadIntegrity("MIC"));
}

#[test]
fn a_machine_is_not_used_twice_or_out_of_order() {
    let mut us = initiator("User", "Password");
    assert!(matches!(us.step(Some(&hex(CHALLENGE))), Err(AuthError::Caller(_))));
    let mut us = initiator("User", "Password");
    us.step(None).unwrap();
    assert!(matches!(us.step(None), Err(AuthError::Unexpected(_))));
    assert!(matches!(us.step(Some(&hex(CHALLENGE))), Err(AuthError::Unexpected(_))));
    assert!(acceptor().step(&hex(AUTHENTICATE), &Accounts).is_err());
    let mut them = NtlmAcceptor::from_challenge(hex(CHALLENGE)).unwrap();
    them.step(&negotiate(), &Accounts).unwrap();
    them.step(&hex(AUTHENTICATE), &Accounts).unwrap();
    assert!(matches!(them.step(&hex(AUTHENTICATE), &Accounts), Err(AuthError::Unexpected(_))));
}

fn pair() -> (NtlmProtection, NtlmProtection) {
    let key = [3; 16];
    (
        NtlmProtection::new(&key, Direction::ToServer, true),
        NtlmProtection::new(&key, Direction::ToClient, true),
    )
}

#[test]
fn order_and_direction_are_part_of_the_seal() {
    let (mut us, mut them) = pair();
    let (first, second) = (us.seal(b"a").unwrap(), us.seal(b"a").unwrap());
    assert_ne!(first, second);
    assert_eq!(us.unseal(&first.header, &first.data), Err(AuthError::BadSeal));
    assert_eq!(them.unseal(&second.header, &second.data), Err(AuthError::BadSeal));
    // After that nothing more is taken, not even what would have been right.
    assert_eq!(them.unseal(&first.header, &first.data), Err(AuthError::BadSeal));
}

proptest! {
    #[test]
    fn any_conversation_is_unsealed(
        mech_list in any::<bool>(),
        messages in proptest::collection::vec(
            (any::<bool>(), proptest::collection::vec(any::<u8>(), 0..600)), 0..20)
    ) {
        let (mut us, mut them) = pair();
        if mech_list {
            let mic = us.sign_mech_list(b"list").unwrap();
            them.verify_mech_list(b"list", &mic).unwrap();
            let mic = them.sign_mech_list(b"list").unwrap();
            us.verify_mech_list(b"list", &mic).unwrap();
        }
        for (from_us, message) in messages {
            let (from, to) = if from_us { (&mut us, &mut them) } else { (&mut them, &mut us) };
            let sealed = from.seal(&message).unwrap();
            prop_assert_eq!(sealed.header.len(), 16);
            prop_assert_eq!(to.unseal(&sealed.header, &sealed.data).unwrap(), message);
        }
    }

    #[test]
    fn one_flipped_bit_is_refused(
        before in 0usize..3,
        message in proptest::collection::vec(any::<u8>(), 0..100),
        at in any::<prop::sample::Index>(),
        bit in 0u8..8,
    ) {
        let (mut us, mut them) = pair();
        for _ in 0..before {
            let sealed = us.seal(b"x").unwrap();
            them.unseal(&sealed.header, &sealed.data).unwrap();
        }
        let mut sealed = us.seal(&message).unwrap();
        let at = at.index(sealed.header.len() + sealed.data.len());
        match at.checked_sub(sealed.header.len()) {
            None => sealed.header[at] ^= 1 << bit,
            Some(at) => sealed.data[at] ^= 1 << bit,
        }
        prop_assert_eq!(them.unseal(&sealed.header, &sealed.data), Err(AuthError::BadSeal));
    }

    #[test]
    fn any_name_and_password_sign_in(domain in "\\PC{0,20}", user in "[^\\\\\\p{C}]{1,30}", password in "\\PC{0,300}") {
        struct One(String);
        impl AccountStore for One {
            fn secret(&self, _: &UserName) -> Option<Secret> {
                Some(Secret::password(self.0.clone()))
            }
        }
        let accounts = One(password.clone());
        let name = UserName::new(domain, user);
        let credentials = Credentials { user: name.clone(), secret: Secret::password(password) };
        let entropy = Entropy { client_challenge: [7; 8], exported_session_key: [9; 16] };
        let (mut us, mut them) = (NtlmInitiator::new(credentials, entropy, 1), acceptor());
        let Step::Continue(token) = us.step(None).unwrap() else { panic!() };
        let AcceptorStep::Continue(token) = them.step(&token, &accounts).unwrap() else { panic!() };
        let Step::Established { token: Some(token), .. } = us.step(Some(&token)).unwrap() else { panic!() };
        let AcceptorStep::Established { user, .. } = them.step(&token, &accounts).unwrap() else { panic!() };
        prop_assert_eq!(user, name);
    }

    #[test]
    fn any_mutated_token_is_read_without_panic(
        which in 0usize..3,
        changes in proptest::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..8),
        cut in proptest::option::of(any::<prop::sample::Index>()),
    ) {
        let mut token = [negotiate(), hex(CHALLENGE), hex(AUTHENTICATE)][which].clone();
        for (at, byte) in changes {
            let at = at.index(token.len());
            token[at] = byte;
        }
        if let Some(cut) = cut {
            token.truncate(cut.index(token.len()));
        }
        let _ = Negotiate::parse(&token);
        let _ = Challenge::parse(&token);
        let _ = Authenticate::parse(&token).map(|message| NtResponse::parse(&message.nt_response));
        let _ = AvPairs::parse(&token);
        let _ = acceptor().step(&token, &Accounts);
        let mut us = initiator("User", "Password");
        us.step(None).unwrap();
        let _ = us.step(Some(&token));
        let _ = present(&token);
    }
}
